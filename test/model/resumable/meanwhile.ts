import { setTimeout as sleep } from 'node:timers/promises'

import * as fc from 'fast-check'
import { sql } from 'kysely'

import type { Fault } from '../faults/fault.ts'
import { inTheMiddle } from '../faults/faults.ts'
import type { Model, ScannerState } from '../state/model.ts'
import { findingsOn } from '../notes/note-scans.ts'
import { bothStores } from '../notes/note-stores.ts'
import type { Resumable } from '../state/resumable.ts'
import type { Real } from '../state/verb.ts'
import type { At } from './look.ts'

/** What happens while a request is at work. */
export type Meanwhile = { fault: Fault; afterMs: number | 'complete' } | undefined

export const meanwhile: fc.Arbitrary<Meanwhile> = fc.option(
  fc.record({
    fault: inTheMiddle,
    afterMs: fc.oneof(fc.nat({ max: 60 }), fc.constant('complete' as const)),
  }),
  { freq: 2, nil: undefined },
)

export function meanwhileInWords(each: Meanwhile): string {
  if (each === undefined) return ''
  return `; ${each.afterMs === 'complete' ? 'when all bytes are there' : `${each.afterMs} ms later`} ${each.fault.words}`
}

export const canHappen = (model: Model, each: Meanwhile) => each === undefined || each.fault.canHappen(model)

/** The state of the stores and the scanner before and after a request. */
export type Conditions = { mayFail: boolean; isS3Down: boolean; scanner: ScannerState }

/** Lets a fault happen while a request is at work. `address`: of its upload, if it began before. */
export async function whileFault<Came>(
  { model, real }: At,
  each: Meanwhile,
  { answering, address }: { answering: Promise<Came>; address: string | undefined },
): Promise<{ came: Came; conditions: Conditions }> {
  const before = { s3: model.s3, scanner: model.scanner }
  // Awaited below, also if the fault itself fails.
  answering.catch(() => undefined)
  if (each !== undefined) {
    if (each.afterMs === 'complete' && address !== undefined) await untilComplete(real, address, answering)
    else await sleep(each.afterMs === 'complete' ? 20 : each.afterMs)
    await each.fault.happen(model, real)
  }
  const came = await answering
  const scanner = model.scanner === before.scanner ? before.scanner : 'cutting'
  const mayFail = before.s3 !== 'up' || model.s3 !== 'up'
  return { came, conditions: { mayFail, isS3Down: before.s3 === 'down' && model.s3 === 'down', scanner } }
}

/** All bytes are durable, or the request has ended. */
async function untilComplete({ world }: Real, address: string, answering: Promise<unknown>): Promise<void> {
  const state = { isOver: false }
  const end = () => void (state.isOver = true)
  answering.then(end, end)
  while (!state.isOver) {
    const { rows } = await sql`
      select from document_uploads where id = ${idOf(address)} and received_bytes = total_bytes`.execute(world.db)
    if (rows.length > 0) return
    await sleep(2)
  }
}

export const idOf = (address: string) => address.split('/').at(-1) ?? ''

/** What a file may become that is finished by this request. */
export function fateOfEnd(model: Model, { stores, file }: Pick<Resumable, 'stores' | 'file'>, { scanner }: Conditions) {
  const scans = findingsOn(model, scanner, file.sha256).filter((each) => each !== 'infected')
  // From the disk it moves to S3 at once.
  return { stores: stores.includes('local') ? bothStores : stores, scans }
}

import { setTimeout as sleep } from 'node:timers/promises'

import { sql } from 'kysely'

import { dropDoubt } from '../notes/note-resumable.ts'
import { firmNames } from '../state/cast.ts'
import { differs, type Model, nameOf } from '../state/model.ts'
import { firmOf, mayEnd, type Resumable } from '../state/resumable.ts'
import type { Real } from '../state/verb.ts'
import { letEndsBeDue, terminate } from '../resumable/ends.ts'
import { look } from '../resumable/look.ts'

const endedWithinMs = 60_000

/**
 * The service finishes complete uploads by itself. Then each has the state that the model knows. Every other unfinished one
 * is terminated; the rest are to expire.
 */
export async function settleResumable(model: Model, real: Real): Promise<void> {
  await untilEnded(real)
  const at = { model, real }
  for (const upload of listAll(model)) {
    await look(at, upload)
    if (!mayEnd(upload)) continue
    // Only its last byte is missing.
    upload.range = [upload.range[0], upload.range[0]]
    dropDoubt(model, upload)
  }
  for (const firm of firmNames) for (const doubt of model.firms[firm].doubtful) doubt.mayCome = false
  const unfinished = listAll(model).filter(({ end }) => end === undefined)
  for (const [index, upload] of unfinished.entries()) if (index % 2 === 0) await terminate(at, upload, upload.file.by)
}

const listAll = ({ firms }: Model): Resumable[] => firmNames.flatMap((name) => firms[name].resumable)

async function untilEnded(real: Real): Promise<void> {
  const { world, firms } = real
  for (const giveUpAt = Date.now() + endedWithinMs; ; await sleep(50)) {
    await letEndsBeDue(real)
    const { rows } = await sql<{ id: string }>`
      select u.id from document_uploads u join document_blobs b on b.id = u.blob_id and b.state = 'incoming'
      where u.firm_id = any (${Object.values(firms)}::uuid[])
        and u.received_bytes = u.total_bytes and u.failure is null and u.result_document_id is null`.execute(world.db)
    if (rows.length === 0) return
    if (Date.now() > giveUpAt) differs(`complete uploads were not finished: ${JSON.stringify(rows)}`)
  }
}

export const hasUnfinished = (model: Model) => listAll(model).length > 0

/** After the collector ran as if days had passed: no client gets anything of its upload, and no room is reserved. */
export async function compareExpired(model: Model, real: Real): Promise<void> {
  for (const upload of listAll(model)) {
    upload.isGone = 'surely'
    await look({ model, real }, upload)
    if (model.firms[firmOf(upload)].resumable.includes(upload)) differs(`${nameOf(upload.file)} did not expire`)
  }
}

/** Nothing is reserved for an upload that its client has forgotten. */
export async function compareReserved({ world, resumableBlobs }: Real): Promise<void> {
  const { rows } = await sql<{ id: string; bytes: string }>`
    select id, reserved_bytes as bytes from document_blobs
    where id = any (${[...resumableBlobs]}::uuid[]) and state = 'incoming'`.execute(world.db)
  if (rows.length > 0) differs(`room is still reserved for uploads that are over: ${JSON.stringify(rows)}`)
}

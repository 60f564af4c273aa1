import { randomUUID } from 'node:crypto'
import { type FileHandle, open, unlink } from 'node:fs/promises'

import { exportTrail } from '../audit/export-trail.ts'
import type { Db } from '../database/client.ts'
import { recordEvent, systemActor } from '../database/events.ts'
import { codeOf } from '../errors-code.ts'
import type { FirmId } from '../vocabulary.ts'
import type { ExportAuditOptions } from './add-audit.ts'
import { claimOf, describeClaim } from './describe-claim.ts'
import { CommandFailed, WrongUse } from './failures.ts'
import type { Printer } from './printer.ts'
import { inCount } from './progress.ts'
import { requireFirm } from './require-firm.ts'
import { writeTrail } from './write-trail.ts'

type Needs = { db: Db; print: Printer; signal: AbortSignal }

/** `audit export`. Who took what stands in the trail afterwards. */
export async function exportAudit({ db, print, signal }: Needs, options: ExportAuditOptions): Promise<void> {
  const { output, format, firm, from, to } = options
  if (from !== undefined && to !== undefined && from >= to)
    throw new WrongUse('--from must be before --to: what happened from the first on and before the second is written.')
  const filter = { ...(firm && { firm }), ...(from && { from }), ...(to && { to }) }
  if (firm !== undefined) await requireFirm(db, firm as FirmId) // checked by the program
  const file = await openNew(output)
  const exported = await removingWhatFails(output, async () => {
    const writer = writeTrail({ file, path: output }, format)
    const written = await exportTrail({ db, signal }, { filter, write: writer.write, onSeal: () => undefined })
    await writer.end()
    await recordEvent(db, systemActor(randomUUID()), {
      action: 'audit.exported',
      outcome: written.isComplete ? 'ok' : 'incomplete',
      details: { ...filter, format, events: written.events, complete: written.isComplete },
    })
    return written
  })
  const { events, isComplete } = exported
  print.answer({ ok: isComplete, complete: isComplete, events, file: output, ...claimOf(filter) })
  if (!isComplete) {
    print.say(`It was ended before the end: ${output} has only a part.`)
    throw new CommandFailed()
  }
  print.say(`${print.paint('green', '✓')} ${inCount(events, 'event')} written to ${output}: ${describeClaim(filter)}.`)
}

/** What is left of an export that failed says nothing of itself, and would keep the next one from its name. */
async function removingWhatFails<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    await unlink(path).catch(() => undefined)
    throw error
  }
}

async function openNew(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o600)
  } catch (error) {
    throw new WrongUse(
      `${path} cannot be made (${codeOf(error) ?? 'no reason given'}); name a file that is not there yet, in a folder that is.`,
    )
  }
}

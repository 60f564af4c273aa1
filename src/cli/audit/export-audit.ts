import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { PassThrough, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import { stringify } from 'csv-stringify'

import { exportTrail } from '../../audit/export-trail.ts'
import type { Db } from '../../database/connection/client.ts'
import { recordEvent, systemActor } from '../../database/audit/events.ts'
import { codeOf } from '../../errors/app-error.ts'
import type { FirmId } from '../../vocabulary/vocabulary.ts'
import type { ExportAuditOptions } from './audit-commands.ts'
import { claimOf, describeClaim } from './verify-audit.ts'
import { CommandFailed, WrongUse } from '../printing/explain-failure.ts'
import { formatCount, type Printer } from '../printing/printer.ts'
import { requireFirm } from '../command/with-database.ts'

type Needs = { db: Db; print: Printer; signal: AbortSignal }

/** `audit export`. Records the export itself in the audit trail. */
export async function exportAudit({ db, print, signal }: Needs, options: ExportAuditOptions): Promise<void> {
  const { output, format, firm, from, to } = options
  if (from !== undefined && to !== undefined && from >= to)
    throw new WrongUse(
      '--from must be before --to. The export has the events at or after the first and before the second.',
    )
  const filter = { ...(firm && { firm }), ...(from && { from }), ...(to && { to }) }
  if (firm !== undefined) await requireFirm(db, firm as FirmId) // checked by the program
  const file = await openNew(output)
  const exported = await removeOnFailure(output, async () => {
    const writer = writeTrail({ file, path: output }, format)
    const written = await exportTrail({ db, signal }, { filter, write: writer.write })
    await writer.end()
    await recordEvent(db, systemActor(randomUUID()), {
      action: 'audit.exported',
      outcome: written.isComplete ? 'ok' : 'incomplete',
      details: { ...filter, format, events: written.events, complete: written.isComplete },
    })
    return written
  })
  const { events, isComplete } = exported
  print.json({ ok: isComplete, complete: isComplete, events, file: output, ...claimOf(filter) })
  if (!isComplete) {
    print.text(`Stopped before the end: ${output} is incomplete.`)
    throw new CommandFailed()
  }
  print.text(`${print.mark(true)} ${formatCount(events, 'event')} written to ${output}: ${describeClaim(filter)}.`)
}

/** Removes the file of a failed export: it does not say that it is incomplete, and would block the next export. */
async function removeOnFailure<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
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
      `${path} cannot be created (${codeOf(error) ?? 'no reason given'}). Name a file that does not exist yet, in a folder that does.`,
    )
  }
}

const columns = [
  'occurred_at',
  'action',
  'outcome',
  'firm_id',
  'document_id',
  'version',
  'actor_id',
  'ip',
  'user_agent',
  'request_id',
  'details',
  'id',
  'transaction_id',
  'personal',
]

type TrailWriter = { write: (line: string) => Promise<void>; end: () => Promise<void> }

/**
 * Writes lines of the trail as they are, or its events as CSV, at the speed of the disk. A disk error is thrown with the
 * name of the file, at the next `write` or at `end`.
 */
export function writeTrail({ file, path }: { file: FileHandle; path: string }, format: 'jsonl' | 'csv'): TrailWriter {
  const { rows, put } = format === 'csv' ? formatCsv() : formatLines()
  const written = pipeline(rows, file.createWriteStream()).catch((error: Error) => {
    throw Object.assign(error, { path })
  })
  written.catch(() => undefined)
  return {
    async write(line) {
      if (rows.destroyed) await written
      if (!put(line)) await once(rows, 'drain').catch(() => written)
    },
    async end() {
      rows.end()
      await written
    },
  }
}

/** `put` returns false when the buffer is full. */
type Rows = { rows: Writable & NodeJS.ReadableStream; put: (line: string) => boolean }

function formatLines(): Rows {
  const rows = new PassThrough()
  return { rows, put: (line) => rows.write(`${line}\n`) }
}

/** Only the events: the seals are for machines. */
function formatCsv(): Rows {
  // A spreadsheet would run a text that begins like a formula.
  const rows = stringify({ header: true, columns, escape_formulas: true })
  return {
    rows,
    put(line) {
      const event: unknown = JSON.parse(line)
      if (typeof event !== 'object' || event === null || !('id' in event)) return true
      return rows.write('personal' in event ? { ...Object(event.personal), ...event } : event)
    },
  }
}

import { once } from 'node:events'
import type { FileHandle } from 'node:fs/promises'
import { PassThrough, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import { stringify } from 'csv-stringify'

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

export type TrailWriter = { write: (line: string) => Promise<void>; end: () => Promise<void> }

/**
 * Lines of the trail as they are, or its events as CSV, read no faster than the disk takes them. What the disk says is
 * thrown with the file's name, to whoever writes next or ends.
 */
export function writeTrail({ file, path }: { file: FileHandle; path: string }, format: 'jsonl' | 'csv'): TrailWriter {
  const { rows, put } = format === 'csv' ? asCsv() : asLines()
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

/** `put` tells whether more is taken at once. */
type Rows = { rows: Writable & NodeJS.ReadableStream; put: (line: string) => boolean }

function asLines(): Rows {
  const rows = new PassThrough()
  return { rows, put: (line) => rows.write(`${line}\n`) }
}

/** Events alone: the seals are for machines. */
function asCsv(): Rows {
  // A spreadsheet would run what begins as a formula does.
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

import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

import type { Snapshot } from '../database/backup/snapshot.ts'
import { backedUpTables } from '../database/backup/tables-to-back-up.ts'
import type { BackupPlace } from '../storage/backup-place/backup-place.ts'
import type { Sha256 } from '../vocabulary.ts'
import type { Part, TableInBackup } from './manifest.ts'

const pack = promisify(gzip)

/** Held at once, and written in one piece: a part is read as a whole too. */
const partCharacters = 16 * 1024 * 1024

type Parts = { rows: number; parts: Part[] }

/** Takes lines, also from several hands at once, and writes them into a backup, packed, a part at a time. `name`: what the parts are called, below the folder. */
export function makePartWriter(place: BackupPlace, folder: string, name: string) {
  const parts: Part[] = []
  let begun = 0
  let lines: string[] = []
  let characters = 0

  async function flush(): Promise<void> {
    const taken = lines
    if (taken.length === 0) return
    lines = []
    characters = 0
    begun += 1
    const index = begun
    const bytes = await pack(taken.join(''))
    const sha256 = createHash('sha256').update(bytes).digest('hex') as Sha256 // hex of a SHA-256 is what the brand says
    const file = `${name}.${String(index).padStart(4, '0')}.jsonl.gz`
    await place.write(`${folder}${file}`, { bytes, sha256 })
    parts[index - 1] = { file, rows: taken.length, bytes: bytes.length, sha256 }
  }

  return {
    async add(line: string): Promise<void> {
      lines.push(`${line}\n`)
      characters += line.length + 1
      if (characters >= partCharacters) await flush()
    },
    /** Once all that was added is on its way. */
    async end(): Promise<Parts> {
      await flush()
      return { rows: parts.reduce((sum, { rows }) => sum + rows, 0), parts }
    },
  }
}

type Writing = { folder: string; signal: AbortSignal; onTable: (table: string) => void; onMove: () => void }

/** Every row of every table that a backup has, as JSON, with the names of its columns. */
export async function writeRows(snapshot: Snapshot, place: BackupPlace, writing: Writing): Promise<TableInBackup[]> {
  const tables: TableInBackup[] = []
  for (const name of backedUpTables) {
    writing.onTable(name)
    const columns = await snapshot.columnsOf(name)
    const writer = makePartWriter(place, writing.folder, `tables/${name}`)
    for await (const row of snapshot.rowsOf(name, columns)) {
      writing.signal.throwIfAborted()
      writing.onMove()
      await writer.add(row)
    }
    tables.push({ name, columns, ...(await writer.end()) })
  }
  return tables
}

export async function writeBytes(place: BackupPlace, name: string, bytes: Buffer): Promise<void> {
  const sha256 = createHash('sha256').update(bytes).digest('hex') as Sha256 // hex of a SHA-256 is what the brand says
  await place.write(name, { bytes, sha256 })
}

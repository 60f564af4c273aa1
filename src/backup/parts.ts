import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'

import type { Snapshot } from '../database/backup/snapshot.ts'
import { backedUpTables } from '../database/backup/tables-to-back-up.ts'
import type { BackupStore } from '../storage/backup-store/backup-store.ts'
import { isMissing } from '../storage/file-store.ts'
import type { Sha256 } from '../vocabulary/vocabulary.ts'
import { InvalidBackup, maxPartBytes, type Part, type TableInBackup } from './manifest.ts'
import type { RetryingStore } from './retrying-store.ts'

const compress = promisify(gzip)

/** Held at once, and written in one piece: a part is read as a whole too. */
const maxPartCharacters = 16 * 1024 * 1024

type Parts = { rows: number; parts: Part[] }

/** Takes lines, also from several hands at once, and writes them into a backup, packed, a part at a time. `name`: what the parts are called, below the folder. */
export function createPartWriter(backupStore: BackupStore, folder: string, name: string) {
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
    const bytes = await compress(taken.join(''))
    const file = `${name}.${String(index).padStart(4, '0')}.jsonl.gz`
    const sha256 = await writeBuffer(backupStore, `${folder}${file}`, bytes)
    parts[index - 1] = { file, rows: taken.length, bytes: bytes.length, sha256 }
  }

  return {
    async add(line: string): Promise<void> {
      lines.push(`${line}\n`)
      characters += line.length + 1
      if (characters >= maxPartCharacters) await flush()
    },
    /** Once all that was added is on its way. */
    async end(): Promise<Parts> {
      await flush()
      return { rows: parts.reduce((sum, { rows }) => sum + rows, 0), parts }
    },
  }
}

type Writing = { folder: string; signal: AbortSignal; onTable: (table: string) => void; onProgress: () => void }

/** Every row of every table that a backup has, as JSON, with the names of its columns. */
export async function writeRows(
  snapshot: Snapshot,
  backupStore: BackupStore,
  writing: Writing,
): Promise<TableInBackup[]> {
  const tables: TableInBackup[] = []
  for (const name of backedUpTables) {
    writing.onTable(name)
    const columns = await snapshot.columnsOf(name)
    const writer = createPartWriter(backupStore, writing.folder, `tables/${name}`)
    for await (const row of snapshot.rowsOf(name, columns)) {
      writing.signal.throwIfAborted()
      writing.onProgress()
      await writer.add(row)
    }
    tables.push({ name, columns, ...(await writer.end()) })
  }
  return tables
}

export async function writeBuffer(backupStore: BackupStore, name: string, bytes: Buffer): Promise<Sha256> {
  const sha256 = createHash('sha256').update(bytes).digest('hex') as Sha256 // hex of a SHA-256 is what the brand says
  await backupStore.write(name, { bytes, sha256 })
  return sha256
}

const gunzipped = promisify(gunzip)

/** The lines of all parts, one part held at a time, each known to be what was written. Throws `InvalidBackup`. */
export async function* readParts(backupStore: RetryingStore, folder: string, parts: Part[]): AsyncGenerator<string> {
  for (const part of parts) {
    const text = await decompress(part, await backupStore.retry(async () => readPart(backupStore, folder, part)))
    if (text !== '' && !text.endsWith('\n')) throw new InvalidBackup(`${part.file} ends in the middle of a line`)
    for (let start = 0; start < text.length;) {
      const end = text.indexOf('\n', start)
      yield text.slice(start, end)
      start = end + 1
    }
  }
}

async function decompress({ file }: Part, bytes: Buffer): Promise<string> {
  try {
    return (await gunzipped(bytes, { maxOutputLength: maxPartBytes })).toString('utf8')
  } catch (error) {
    throw new InvalidBackup(`${file} cannot be unpacked, or is far larger than any that is written`, { cause: error })
  }
}

async function readPart(
  backupStore: BackupStore,
  folder: string,
  { file, bytes: size, sha256 }: Part,
): Promise<Buffer> {
  const bytes = await readSmallFile(backupStore, `${folder}${file}`, size)
  if (bytes === undefined) throw new InvalidBackup(`${file} is missing`)
  if (createHash('sha256').update(bytes).digest('hex') !== sha256)
    throw new InvalidBackup(`${file} was changed or damaged`)
  return bytes
}

/** Of a manifest: 100,000 parts have room in it. */
const maxSmallFileBytes = 32 * 1024 * 1024

/** A small file; undefined when it is not there. Of one that is longer than it may be no more is held; no hash fits it then. */
export async function readSmallFile(
  backupStore: BackupStore,
  name: string,
  most = maxSmallFileBytes,
): Promise<Buffer | undefined> {
  const pieces: Buffer[] = []
  let size = 0
  try {
    // A place yields buffers; the type of a stream cannot say so.
    for await (const piece of (await backupStore.read(name)) as AsyncIterable<Buffer>) {
      pieces.push(piece)
      size += piece.length
      if (size > most) break
    }
    return Buffer.concat(pieces)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

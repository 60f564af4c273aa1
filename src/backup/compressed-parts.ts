import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'

import type { Snapshot } from '../database/backup/snapshot.ts'
import { backedUpTables } from '../database/backup/tables-to-back-up.ts'
import type { BackupStore } from '../storage/backup-store/backup-store.ts'
import { isMissing } from '../storage/file-store.ts'
import type { Sha256 } from '../vocabulary/vocabulary.ts'
import { InvalidBackup, maxPartBytes, type Part, type TableInBackup } from './backup-manifest.ts'
import type { RetryingStore } from './retrying-store.ts'

const compress = promisify(gzip)

/** A part is buffered in memory, for writing and for reading. */
const maxPartCharacters = 16 * 1024 * 1024

type Parts = { rows: number; parts: Part[] }

/** Writes lines into a backup as compressed parts. Callers may add lines concurrently. `name`: the prefix of the parts' names. */
export function createPartWriter(backupStore: BackupStore, folder: string, name: string) {
  const parts: Part[] = []
  let partCount = 0
  let lines: string[] = []
  let characters = 0

  async function flush(): Promise<void> {
    const batch = lines
    if (batch.length === 0) return
    lines = []
    characters = 0
    partCount += 1
    const index = partCount
    const bytes = await compress(batch.join(''))
    const file = `${name}.${String(index).padStart(4, '0')}.jsonl.gz`
    const sha256 = await writeBuffer(backupStore, `${folder}${file}`, bytes)
    parts[index - 1] = { file, rows: batch.length, bytes: bytes.length, sha256 }
  }

  return {
    async add(line: string): Promise<void> {
      lines.push(`${line}\n`)
      characters += line.length + 1
      if (characters >= maxPartCharacters) await flush()
    },
    /** Call it after the last `add`. */
    async end(): Promise<Parts> {
      await flush()
      return { rows: parts.reduce((sum, { rows }) => sum + rows, 0), parts }
    },
  }
}

type WriteOptions = { folder: string; signal: AbortSignal; onTable: (table: string) => void; onProgress: () => void }

/** Writes every row of every table in a backup as JSON. */
export async function writeRows(
  snapshot: Snapshot,
  backupStore: BackupStore,
  options: WriteOptions,
): Promise<TableInBackup[]> {
  const tables: TableInBackup[] = []
  for (const name of backedUpTables) {
    options.onTable(name)
    const columns = await snapshot.columnsOf(name)
    const writer = createPartWriter(backupStore, options.folder, `tables/${name}`)
    for await (const row of snapshot.rowsOf(name, columns)) {
      options.signal.throwIfAborted()
      options.onProgress()
      await writer.add(row)
    }
    tables.push({ name, columns, ...(await writer.end()) })
  }
  return tables
}

export async function writeBuffer(backupStore: BackupStore, name: string, bytes: Buffer): Promise<Sha256> {
  const sha256 = createHash('sha256').update(bytes).digest('hex') as Sha256 // a SHA-256 in hex
  await backupStore.write(name, { bytes, sha256 })
  return sha256
}

const gunzipped = promisify(gunzip)

/** The lines of all parts, after comparing each part with its hash. Throws `InvalidBackup`. */
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
    throw new InvalidBackup(`${file} cannot be decompressed, or is too large`, { cause: error })
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

/** Room for a manifest with 100,000 parts. */
const maxSmallFileBytes = 32 * 1024 * 1024

/** Reads a small file; undefined if it is missing. A file that is too long is cut, so that no hash matches it. */
export async function readSmallFile(
  backupStore: BackupStore,
  name: string,
  maxBytes = maxSmallFileBytes,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    // The stream has buffers, which its type does not state.
    for await (const chunk of (await backupStore.read(name)) as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      size += chunk.length
      if (size > maxBytes) break
    }
    return Buffer.concat(chunks)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream'
import { promisify } from 'node:util'
import { createGunzip, gzip } from 'node:zlib'

import { filesToBackUp } from '../database/backup/backed-up-files.ts'
import type { Snapshot } from '../database/backup/snapshot.ts'
import { forEachConcurrently } from '../documents/stores/walk-versions.ts'
import { splitLines } from '../files/file-system.ts'
import type { Spool } from '../storage/spool/spool.ts'
import { storeFile, type StoreFileNeeds, type StoredFile } from './back-up-file.ts'
import { type FileLine, isLacking, type Manifest, type SnapshotFile, snapshotFileSchema } from './backup-manifest.ts'
import type { RetryingStore } from './retrying-store.ts'
import type { BackupRun } from './heartbeat.ts'
import { createPartWriter } from './compressed-parts.ts'

export type CopyCounts = {
  copied: number
  copiedBytes: number
  shared: number
  fates: Partial<Record<FileLine['fate'], number>>
}
export type CopyProgress = { line: FileLine; counts: CopyCounts }

type CopyRequest = {
  folder: string
  isRowsOnly: boolean
  listed: ListedFiles
  concurrency: number
  run: BackupRun
  onFile: (progress: CopyProgress) => void
}

/** Copies the files of the snapshot that the backup store does not have, and lists the outcome of each. */
export async function copyFiles(
  needs: StoreFileNeeds,
  backupStore: RetryingStore,
  { folder, isRowsOnly, listed, concurrency, run, onFile }: CopyRequest,
): Promise<{ files: Manifest['files']; counts: CopyCounts }> {
  const writer = createPartWriter(backupStore, folder, 'files')
  const counts: CopyCounts = { copied: 0, copiedBytes: 0, shared: 0, fates: {} }
  let lacking = 0
  await forEachConcurrently(listed.read(), concurrency, async (file) => {
    run.signal.throwIfAborted()
    const { line, isNew }: StoredFile = isRowsOnly
      ? { line: { ...file, fate: 'left' }, isNew: false }
      : await backupStore.retry(async () => storeFile(needs, backupStore, file, run))
    count(counts, line, isNew)
    if (isLacking(line.fate)) lacking += 1
    await writer.add(JSON.stringify(line))
    run.onProgress()
    onFile({ line, counts })
    return 'next'
  })
  const { parts } = await writer.end()
  return { files: { count: listed.total.files, bytes: listed.total.bytes, lacking, parts }, counts }
}

function count(counts: CopyCounts, line: FileLine, isNew: boolean): void {
  counts.fates[line.fate] = (counts.fates[line.fate] ?? 0) + 1
  if (line.fate !== 'kept') return
  if (!isNew) {
    counts.shared += 1
    return
  }
  counts.copied += 1
  counts.copiedBytes += line.size
}

const compress = promisify(gzip)
const linesPerChunk = 1000

/** The files that a snapshot names, in a file on the local disk, so that the snapshot can be closed before they are copied. */
type ListedFiles = {
  total: { files: number; bytes: number }
  read(): AsyncGenerator<SnapshotFile, undefined>
  remove(): Promise<void>
}

export async function listFiles(
  snapshot: Pick<Snapshot, 'rowsOfQuery'>,
  spool: Spool,
  { signal, onProgress }: BackupRun,
): Promise<ListedFiles> {
  const file = await spool.open()
  const total = { files: 0, bytes: 0 }
  let lines: string[] = []
  // Concatenated gzip members are one gzip file.
  const flush = async () => {
    await file.append(await compress(lines.splice(0).join('')))
  }
  try {
    for await (const line of snapshot.rowsOfQuery(filesToBackUp)) {
      signal.throwIfAborted()
      onProgress()
      total.files += 1
      total.bytes += snapshotFileSchema.parse(JSON.parse(line)).size
      lines.push(`${line}\n`)
      if (lines.length >= linesPerChunk) await flush()
    }
    await flush()
  } catch (error) {
    await file.remove()
    throw error
  }
  const { content } = file
  return { total, read: () => readFiles(content.path), remove: () => file.remove() }
}

async function* readFiles(path: string): AsyncGenerator<SnapshotFile, undefined> {
  // `pipeline` passes errors of either stream on to the reader.
  const text = pipeline(createReadStream(path), createGunzip(), () => undefined).setEncoding('utf8')
  // With an encoding the stream has text, which its type does not state.
  for await (const line of splitLines(text as AsyncIterable<string>)) yield snapshotFileSchema.parse(JSON.parse(line))
  return undefined
}

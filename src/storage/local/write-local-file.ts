import { type FileHandle, link, open, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'

import type { StorageKey } from '../../vocabulary/vocabulary.ts'
import { syncPath } from '../../files/file-system.ts'
import { type IncomingFile, type SpooledContent, type StoredFile, StoreError } from '../file-store.ts'
import { hasCode } from '../../errors/app-error.ts'
import { toLocalError } from './local-errors.ts'
import { incomingPath } from './local-folders.ts'
import { type LocalRoot, resolveLocalPath, requireOwnDisk } from './local-files.ts'
import { readSpoolRange, readableRanges, untilAborted } from '../streams/read-spooled-file.ts'

/**
 * Writes a blob. It is durable when this resolves, and complete or absent when it throws. The content is synced before
 * `link` creates the name, and `link` never overwrites. So a power failure at any moment leaves all of the blob or nothing.
 */
export async function writeLocalFile(context: LocalRoot, key: StorageKey, file: IncomingFile): Promise<StoredFile> {
  const { signal } = file
  signal?.throwIfAborted()
  const incoming = incomingPath(context.root)
  try {
    await requireOwnDisk(context)
    const stored = await writeIncoming(incoming, file)
    await context.folders.ensure(key)
    const path = await resolveLocalPath(context, key)
    signal?.throwIfAborted()
    await linkIntoPlace(incoming, path)
    context.onBytes('written', stored.size)
    return stored
  } catch (error) {
    await unlinkIfThere(incoming)
    if (signal?.aborted && isAbort(error, signal)) throw signal.reason
    throw writeFailure(context, error)
  }
}

async function writeIncoming(path: string, file: IncomingFile): Promise<StoredFile> {
  const handle = await open(path, 'wx', 0o600)
  try {
    const stored = await copyContent(handle, file)
    await handle.sync()
    return stored
  } finally {
    await handle.close()
  }
}

async function copyContent(handle: FileHandle, { content, signal }: IncomingFile): Promise<StoredFile> {
  switch (content.kind) {
    case 'memory':
      await handle.writeFile(content.bytes, signal === undefined ? {} : { signal })
      return { size: content.bytes.length, sha256: content.sha256 }
    case 'spool':
      return copySpooled(handle, content, signal)
  }
}

const copyBytes = 1024 * 1024

async function copySpooled(handle: FileHandle, content: SpooledContent, signal?: AbortSignal): Promise<StoredFile> {
  let copied = 0
  for await (const stretch of readableRanges(content, copyBytes, signal)) {
    for await (const piece of readSpoolRange(content.path, stretch)) await handle.writeFile(piece)
    copied = stretch.end
  }
  const whole = await untilAborted(content.accepted, signal)
  if (copied !== whole.size)
    throw new StoreError('misused', `expected ${whole.size} bytes in the spool file, read ${copied}`)
  return whole
}

async function linkIntoPlace(incoming: string, path: string): Promise<void> {
  await link(incoming, path)
  try {
    await unlink(incoming)
    await syncPath(dirname(path))
  } catch (error) {
    // The name exists but is not durable. This call created it, so it may remove it.
    await unlinkIfThere(path)
    throw error
  }
}

async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch {
    // It never existed, or the disk fails. The caller needs the first error.
  }
}

function writeFailure(context: LocalRoot, error: unknown): unknown {
  if (!hasCode(error, 'ENOENT')) return toLocalError(error)
  // A folder was deleted. The next write creates it again.
  context.folders.forget()
  return new StoreError('unavailable', 'A folder of the local store was deleted.', error)
}

function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && error.name === 'AbortError')
}

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
 * Durable when it resolves, whole or not there when it throws. The bytes are synced before the file has its name, and
 * the name is given by `link`, which never replaces: a loss of power at any moment leaves the file or nothing.
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
    await giveName(incoming, path)
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
    throw new StoreError('misused', `The spooled file was to have ${whole.size} bytes; ${copied} were read from it.`)
  return whole
}

async function giveName(incoming: string, path: string): Promise<void> {
  await link(incoming, path)
  try {
    await unlink(incoming)
    await syncPath(dirname(path))
  } catch (error) {
    // Named but not durable: this call made the name, and takes it back.
    await unlinkIfThere(path)
    throw error
  }
}

async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch {
    // Never made, or the disk is failing: then what went wrong first is what the caller must hear.
  }
}

function writeFailure(context: LocalRoot, error: unknown): unknown {
  if (!hasCode(error, 'ENOENT')) return toLocalError(error)
  // A folder went away under us: the next write makes it again.
  context.folders.forget()
  return new StoreError('unavailable', 'A folder of the local store is gone.', error)
}

function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && error.name === 'AbortError')
}

import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'

import { hasCode } from '../../errors/app-error.ts'
import { syncPath } from '../../files/file-system.ts'
import type { StorageKey } from '../../vocabulary/vocabulary.ts'
import { StoreError } from '../file-store.ts'
import {
  type GrowingFacts,
  type GrowingFile,
  type GrowingFiles,
  type GrowthKeeper,
  takeChunks,
} from '../growing-file.ts'
import { requireStorageKey } from '../storage-key.ts'
import { inLocalStore } from './local-errors.ts'
import { type LocalRoot, requireOwnDisk, resolveLocalPath } from './local-files.ts'

/**
 * The file grows under its own key: until its blob is `live`, nothing serves it. Each write names its position, so bytes that
 * a dead process wrote behind the durable ones are written over.
 */
export function createLocalGrowing(context: LocalRoot): GrowingFiles {
  return {
    begin: async (key, facts) => inLocalStore(() => beginLocal(context, requireStorageKey(key), facts)),
    append: (file, chunks, keeper) => appendLocal(context, file, { chunks, keeper }),
    finish: async (file) => inLocalStore(() => finishLocal(context, file)),
  }
}

async function beginLocal(context: LocalRoot, key: StorageKey, facts: GrowingFacts): Promise<GrowingFile> {
  await requireOwnDisk(context)
  await context.folders.ensure(key)
  try {
    const path = await resolveLocalPath(context, key)
    const handle = await open(path, 'wx', 0o600)
    await handle.close()
    await syncPath(dirname(path))
  } catch (error) {
    // A folder was deleted. The next file creates it again.
    if (hasCode(error, 'ENOENT')) context.folders.forget()
    throw error
  }
  return { ...facts, key, bytes: 0, multipartId: null, parts: [], rest: null }
}

/** After so many bytes they are made durable and recorded, so that a dead process costs a client no more. */
const bytesBetweenSyncs = 8 * 1024 * 1024

async function appendLocal(
  context: LocalRoot,
  file: GrowingFile,
  { chunks, keeper }: { chunks: AsyncIterable<Buffer>; keeper: GrowthKeeper },
): Promise<GrowingFile> {
  const handle = await inLocalStore(() => openToWrite(context, file))
  let state = file
  let written = file.bytes
  const sync = async () => {
    if (written === state.bytes) return
    await inLocalStore(() => handle.datasync())
    context.onBytes('written', written - state.bytes)
    state = { ...state, bytes: written }
    await keeper.record(state)
  }
  try {
    const broken = await takeChunks(chunks, async (chunk) => {
      await inLocalStore(() => writeAt(handle, chunk, written))
      written += chunk.length
      if (written - state.bytes >= bytesBetweenSyncs) await sync()
    })
    await sync()
    if (broken !== undefined) throw broken.reason
    return state
  } finally {
    await handle.close()
  }
}

async function openToWrite(context: LocalRoot, { key }: GrowingFile): Promise<FileHandle> {
  await requireOwnDisk(context)
  const path = await resolveLocalPath(context, requireStorageKey(key))
  return open(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK)
}

async function writeAt(handle: FileHandle, chunk: Buffer, position: number): Promise<void> {
  for (let done = 0; done < chunk.length;) {
    const { bytesWritten } = await handle.write(chunk, done, chunk.length - done, position + done)
    done += bytesWritten
  }
}

async function finishLocal(context: LocalRoot, file: GrowingFile): Promise<{ size: number }> {
  await using handle = await openToWrite(context, file)
  const { size } = await handle.stat()
  if (size !== file.totalBytes)
    throw new StoreError('misused', `expected ${file.totalBytes} bytes in the growing file, found ${size}`)
  await handle.sync()
  return { size }
}

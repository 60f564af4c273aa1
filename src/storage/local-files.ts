import { constants } from 'node:fs'
import { lstat, open, unlink } from 'node:fs/promises'
import type { Readable } from 'node:stream'

import type { StorageKey } from '../vocabulary.ts'
import { type ByteRange, type FileStat, type Removed, StoreError } from './file-store.ts'
import { handOn } from './hand-on.ts'
import { hasCode } from '../errors-code.ts'
import { localFailure } from './local-errors.ts'
import { type LocalKey, type LocalReach, openLocalPath, requireOwnDisk } from './local-path.ts'

export async function readLocalFile(reach: LocalReach, key: LocalKey, range?: ByteRange): Promise<Readable> {
  const found = await unlessAbsent(reach, async () => {
    const path = await openLocalPath(reach, key)
    return open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  })
  if (found === undefined) throw new StoreError('bytes_missing', 'The local store has no such file.')

  try {
    const stat = await found.stat()
    if (!stat.isFile()) throw notAFile()
    if (range && range.start >= stat.size)
      throw new StoreError('range_not_satisfiable', 'The range begins past the end of the file.')
    const file = found.createReadStream(range)
    file.once('close', () => reach.onBytes('read', file.bytesRead))
    return handOn(file, localFailure)
  } catch (error) {
    await found.close()
    throw localFailure(error)
  }
}

export async function statLocalFile(reach: LocalReach, key: StorageKey): Promise<FileStat | undefined> {
  const stat = await unlessAbsent(reach, async () => lstat(await openLocalPath(reach, key)))
  if (stat === undefined) return undefined
  if (!stat.isFile()) throw notAFile()
  return { key, size: stat.size, modifiedAt: stat.mtime }
}

export async function removeLocalFile(reach: LocalReach, key: LocalKey): Promise<Removed> {
  await unlessAbsent(reach, async () => {
    const path = await openLocalPath(reach, key)
    // A disk that became read-only refuses to remove even what is not there.
    await lstat(path)
    await unlink(path)
  })
  return 'destroyed'
}

/** Undefined when there is no such file on our disk. */
async function unlessAbsent<Value>(reach: LocalReach, look: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await look()
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw localFailure(error)
    await requireOwnDisk(reach).catch((failure: unknown) => {
      throw localFailure(failure)
    })
    return undefined
  }
}

function notAFile(): StoreError {
  return new StoreError('unavailable', 'The local store has something else than a file under this key.')
}

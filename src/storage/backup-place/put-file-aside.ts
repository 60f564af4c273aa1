import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { copyFile, type FileHandle, link, open, rename, rm, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { hasCode } from '../../errors-code.ts'
import { syncFolder } from '../../files-sync-folder.ts'

/** What a file that is being made is called until it is whole. */
export const incomingPrefix = '.incoming-'

type Aside = { aside: string; mayGo: () => Promise<boolean> }

/**
 * Gives a file below `root` another name, if `mayGo` says so of what has that name too then. Until it goes it keeps its own,
 * so that nothing is to be put back, over what may have come there meanwhile.
 */
export async function putFileAside(root: string, path: string, { aside, mayGo }: Aside): Promise<boolean> {
  // Open for as long as it is looked at: no other file gets its number meanwhile.
  await using seen = await open(path)
  let isGone = false
  try {
    await giveSecondName(root, path, aside)
    if ((await mayGo()) && (await whatHas(path, seen)) === 'it') {
      await unlink(path)
      isGone = true
    }
  } finally {
    // Nothing is there: another one put it aside too, by the same name.
    if (!isGone && (await whatHas(path, seen)) !== 'nothing') await rm(aside, { force: true })
  }
  // It is gone, whatever this says: where a loss of power brings it back, the next reading finds it.
  if (isGone) await syncFolder(dirname(path)).catch(() => undefined)
  return isGone
}

async function giveSecondName(root: string, path: string, aside: string): Promise<void> {
  const incoming = join(root, `${incomingPrefix}${randomUUID()}`)
  try {
    await linkOrCopy(path, incoming)
    await rename(incoming, aside)
    await syncFolder(dirname(aside))
  } finally {
    // Where that name is of the same file already, a rename does nothing.
    await rm(incoming, { force: true })
  }
}

/** A USB stick's file system (exFAT, FAT) has no second names, nor have some shares: there the bytes are copied. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    if (!hasCode(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK')) throw error
    await copyFile(from, to, constants.COPYFILE_EXCL)
    await syncFile(to)
  }
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r+')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function whatHas(path: string, seen: FileHandle): Promise<'it' | 'another' | 'nothing'> {
  try {
    const [before, now] = await Promise.all([seen.stat({ bigint: true }), stat(path, { bigint: true })])
    return before.dev === now.dev && before.ino === now.ino ? 'it' : 'another'
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return 'nothing'
    throw error
  }
}

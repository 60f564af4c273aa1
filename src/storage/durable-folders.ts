import { constants } from 'node:fs'
import { lstat, mkdir, open } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'

import { StoreError } from './file-store.ts'
import { isErrno } from './local-errors.ts'

export type DurableFolders = {
  /** Makes the folders that a path below the root stands in, each so that it survives a loss of power. */
  ensure(relativePath: string): Promise<void>
  /** After one of them was found gone. */
  forget(): void
}

const most = 10_000 // firms remembered; forgetting costs an fsync or two for each

/**
 * Makes folders and remembers which ones are known to be durable. Also a folder that was there already is synced once:
 * another upload may have made it an instant ago, or a process that died.
 */
export function rememberDurableFolders(root: string): DurableFolders {
  const known = new Map<string, Promise<void>>()

  return {
    async ensure(relativePath) {
      if (known.size > most) known.clear()
      let folder = root
      for (const name of dirname(relativePath).split('/')) {
        folder = join(folder, name)
        await once(known, folder)
      }
    },
    forget: () => known.clear(),
  }
}

async function once(known: Map<string, Promise<void>>, folder: string): Promise<void> {
  const making = known.get(folder) ?? makeDurable(folder)
  known.set(folder, making)
  try {
    await making
  } catch (error) {
    known.delete(folder)
    throw error
  }
}

async function makeDurable(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 })
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error
    if (!(await lstat(folder)).isDirectory())
      throw new StoreError('invalid_key', 'Something else stands in the local store where a folder should.')
  }
  await syncFolder(dirname(folder))
}

/** Makes a folder and those above it that are missing, each so that it survives a loss of power. */
export async function makeFolders(folder: string): Promise<void> {
  const path = resolve(folder)
  const firstMade = (await mkdir(path, { recursive: true, mode: 0o700 })) ?? path
  for (let made = path; made.length >= firstMade.length; made = dirname(made)) await syncFolder(dirname(made))
}

/** A file's name is durable once the folder that it stands in is. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

import { mkdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

import { hasCode } from './errors-code.ts'

/**
 * Makes a folder and those above it that are missing; answers those it made, outermost first. Throws as the system does.
 * Not Node's own way (`recursive`): where a file system answers that a new folder cannot be found in one that is there,
 * as `/proc` does, that asks again for ever.
 */
export async function makeFolders(folder: string, mode: number): Promise<string[]> {
  const path = resolve(folder)
  try {
    return await makeFolder(path, mode)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
    const above = await makeFolders(dirname(path), mode)
    return [...above, ...(await makeFolder(path, mode))]
  }
}

async function makeFolder(path: string, mode: number): Promise<string[]> {
  try {
    await mkdir(path, { mode })
    return [path]
  } catch (error) {
    if (await isFolder(path)) return []
    throw error
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}

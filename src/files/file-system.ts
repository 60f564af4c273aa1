import { mkdir, open, readFile, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

import { hasCode } from '../errors/app-error.ts'

/** The lines of a text. Only a line feed ends one: Node's readline would also take characters that JSON has in its strings. */
export async function* splitLines(text: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = ''
  for await (const piece of text) {
    const lines = `${rest}${piece}`.split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  if (rest !== '') yield rest
}

/**
 * Makes durable what was written to a file; or what was just made, renamed or removed in a folder: a file's name is so once
 * the folder that it stands in is.
 */
export async function syncPath(path: string): Promise<void> {
  await using handle = await open(path)
  await handle.sync()
}

/** What is found at a path; undefined where nothing is there. */
export async function findIfExists<Found>(looking: Promise<Found>): Promise<Found | undefined> {
  try {
    return await looking
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** The text of a file; undefined where there is none. */
export async function readIfExists(path: string): Promise<string | undefined> {
  return findIfExists(readFile(path, 'utf8'))
}

/**
 * Makes a folder and those above it that are missing; answers those it made, outermost first. Throws as the system does.
 * Not Node's own way (`recursive`): where a file system answers that a new folder cannot be found in one that is there,
 * as `/proc` does, that asks again for ever.
 */
export async function createFolders(folder: string, mode: number): Promise<string[]> {
  const path = resolve(folder)
  try {
    return await createFolder(path, mode)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
    const above = await createFolders(dirname(path), mode)
    return [...above, ...(await createFolder(path, mode))]
  }
}

async function createFolder(path: string, mode: number): Promise<string[]> {
  try {
    await mkdir(path, { mode })
    return [path]
  } catch (error) {
    if (await isFolder(path)) return []
    throw error
  }
}

/** False for what is no folder, is not there or cannot be looked at. */
export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}

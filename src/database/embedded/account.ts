import { createHash } from 'node:crypto'
import { access, chmod, chown, constants, lchown, lstat, mkdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { ConfigError, hasCode } from '../../errors/app-error.ts'
import { findIfExists, isFolder, createFolders, syncPath } from '../../files/file-system.ts'

/** Who the server runs as. `other` is somebody whom only root can become. */
export type Account = { kind: 'self' | 'other' } & Owner

type Owner = { uid: number; gid: number }

const nobody = 65_534

/**
 * PostgreSQL refuses to run as root. Root starts it as the owner of the cluster, or of the folder it will be made in,
 * so that this person can start it too; as nobody where both are root's.
 */
export async function chooseAccount(dataDir: string, cluster: string): Promise<Account> {
  const self = { uid: process.geteuid?.() ?? nobody, gid: process.getegid?.() ?? nobody }
  const owner = await findOwner(cluster)

  if (self.uid === 0) return { kind: 'other', ...(notRoot(owner ?? (await findOwner(dataDir))) ?? findNobody()) }
  if (owner !== undefined && owner.uid !== self.uid)
    throw new ConfigError(
      `DATA_DIR: the embedded database in it belongs to another user (uid ${owner.uid}); start as root or as that user, or name another folder.`,
    )
  return { kind: 'self', ...self }
}

/** Whom other programs may run as too. */
export function isNobody({ kind, uid }: Account): boolean {
  return kind === 'other' && uid === nobody
}

/** Whether a folder and all above it let this account pass. */
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
    'DATABASE_URL is not set, and the embedded PostgreSQL does not run as root here; start as a normal user, or set DATABASE_URL.',
  )
}

async function findOwner(path: string): Promise<Owner | undefined> {
  const found = await findIfExists(stat(path))
  return found && { uid: found.uid, gid: found.gid }
}

/** Makes DATA_DIR, closed to all others, when it is absent; an existing one keeps its owner and mode. */
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
    ? `no folder that ${user} may write in; let it read and write there, or name another`
    : `not a folder that ${user} may write in, and it cannot be made; name another`
}

/**
 * Lets the server's account pass through root's closed DATA_DIR to the database's own folders. It may not list the
 * folder, and all else in it stays root's. A folder that root shares with a group is left as it is.
 */
export async function allowPassage(account: Account, dataDir: string): Promise<void> {
  if (account.kind === 'self' || (await canEnter(account, dataDir))) return
  const { uid, mode } = await stat(dataDir)
  if (uid !== 0 || (mode & 0o077) !== 0) return
  await chown(dataDir, uid, account.gid)
  await chmod(dataDir, (mode & 0o700) | 0o010)
}

/** It only names the socket: the server listens on no network. */
export const port = 5432

/** What the system's `sockaddr_un` holds, without its closing zero. */
const maxSocketPathBytes = process.platform === 'darwin' ? 103 : 107

/** Makes the folder of the server's socket, which its account alone may enter; whoever can enter it may connect. */
export async function createSocketFolder(account: Account, dataDir: string): Promise<string> {
  const folder = chooseSocketFolder(account, dataDir)
  try {
    await mkdir(folder, { mode: 0o700 })
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  }
  await assertPrivate(account, folder)
  if (account.kind === 'other') await lchown(folder, account.uid, account.gid)

  return folder
}

/** Inside DATA_DIR; where that is too deep, or has signs that PostgreSQL's setting would misread, a short one named after it. */
export function chooseSocketFolder(account: Account, dataDir: string): string {
  const inside = join(dataDir, 'postgresql-socket')
  const fits = Buffer.byteLength(`${inside}/.s.PGSQL.${port}`) <= maxSocketPathBytes
  if (fits && /^[\w/.-]+$/.test(inside)) return inside

  // Where root alone can make folders, when root is who makes it.
  const base = account.kind === 'other' && process.platform === 'linux' ? '/run' : '/tmp'
  return join(base, `paniq-documents-${createHash('sha256').update(dataDir).digest('hex').slice(0, 20)}`)
}

/** Another user may have been there first in a shared folder. */
async function assertPrivate(account: Account, folder: string): Promise<void> {
  const found = await lstat(folder)
  const owners = account.kind === 'other' ? [0, account.uid] : [account.uid]
  if (found.isDirectory() && owners.includes(found.uid) && (found.mode & 0o077) === 0) return
  throw new ConfigError(
    `DATA_DIR: the folder of the embedded database’s socket, ${folder}, is not the database’s alone; remove it and start again.`,
  )
}

import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'

import { ConfigError } from '../../config-error.ts'
import { hasCode } from '../../errors-code.ts'

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
export async function mayEnter(account: Account, folder: string): Promise<boolean> {
  if (account.kind === 'self') return true
  const { uid, gid, mode } = await stat(folder)
  const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001
  if ((mode & bit) === 0) return false
  const parent = dirname(folder)

  return parent === folder || mayEnter(account, parent)
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
  try {
    const { uid, gid } = await stat(path)
    return { uid, gid }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

import { createHash } from 'node:crypto'
import { lchown, lstat, mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import { ConfigError } from '../../config-error.ts'
import type { Account } from './choose-account.ts'
import { hasCode } from '../../errors-code.ts'

/** It only names the socket: the server listens on no network. */
export const port = 5432

/** What the system's `sockaddr_un` holds, without its closing zero. */
const mostBytes = process.platform === 'darwin' ? 103 : 107

/** Makes the folder of the server's socket, which its account alone may enter; whoever can enter it may connect. */
export async function makeSocketFolder(account: Account, dataDir: string): Promise<string> {
  const folder = chooseSocketFolder(account, dataDir)
  try {
    await mkdir(folder, { mode: 0o700 })
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  }
  await assertOurs(account, folder)
  if (account.kind === 'other') await lchown(folder, account.uid, account.gid)

  return folder
}

/** Inside DATA_DIR; where that is too deep, or has signs that PostgreSQL's setting would misread, a short one named after it. */
export function chooseSocketFolder(account: Account, dataDir: string): string {
  const inside = join(dataDir, 'postgresql-socket')
  const fits = Buffer.byteLength(`${inside}/.s.PGSQL.${port}`) <= mostBytes
  if (fits && /^[\w/.-]+$/.test(inside)) return inside

  // Where root alone can make folders, when root is who makes it.
  const base = account.kind === 'other' && process.platform === 'linux' ? '/run' : '/tmp'
  return join(base, `paniq-documents-${createHash('sha256').update(dataDir).digest('hex').slice(0, 20)}`)
}

/** Another user may have been there first in a shared folder. */
async function assertOurs(account: Account, folder: string): Promise<void> {
  const found = await lstat(folder)
  const owners = account.kind === 'other' ? [0, account.uid] : [account.uid]
  if (found.isDirectory() && owners.includes(found.uid) && (found.mode & 0o077) === 0) return
  throw new ConfigError(
    `DATA_DIR: the folder of the embedded database’s socket, ${folder}, is not the database’s alone; remove it and start again.`,
  )
}

import { access, chmod, chown, constants, mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

import { ConfigError } from '../../config-error.ts'
import { mayEnter, type Account } from './choose-account.ts'
import { hasCode } from './has-code.ts'
import { syncFolder } from './sync-folder.ts'

/** Makes DATA_DIR, closed to all others, when it is absent; an existing one keeps its owner and mode. */
export async function makeDataDir(dataDir: string): Promise<void> {
  try {
    if (await makeFolder(dataDir)) await syncFolder(dirname(dataDir))
    await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw new ConfigError(
      `DATA_DIR: ${dataDir} is not a folder that this user (uid ${process.geteuid?.()}) may write in, and it cannot be made; name another.`,
      { cause },
    )
  }
}

async function makeFolder(folder: string): Promise<boolean> {
  await mkdir(dirname(folder), { recursive: true })
  try {
    await mkdir(folder, { mode: 0o700 })
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    throw error
  }
}

/**
 * Lets the server's account pass through root's closed DATA_DIR to the database's own folders. It may not list the
 * folder, and all else in it stays root's. A folder that root shares with a group is left as it is.
 */
export async function letThrough(account: Account, dataDir: string): Promise<void> {
  if (account.kind === 'self' || (await mayEnter(account, dataDir))) return
  const { uid, mode } = await stat(dataDir)
  if (uid !== 0 || (mode & 0o077) !== 0) return
  await chown(dataDir, uid, account.gid)
  await chmod(dataDir, (mode & 0o700) | 0o010)
}

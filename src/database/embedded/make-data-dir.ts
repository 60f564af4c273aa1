import { chmod, chown, mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

import type { Account } from './choose-account.ts'
import { mayEnter } from './choose-account.ts'
import { hasCode } from './has-code.ts'
import { syncFolder } from './sync-folder.ts'

/** Makes DATA_DIR, closed to all others, when it is absent; an existing one keeps its owner and mode. */
export async function makeDataDir(dataDir: string): Promise<void> {
  const parent = dirname(dataDir)
  await mkdir(parent, { recursive: true })
  try {
    await mkdir(dataDir, { mode: 0o700 })
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return
    throw error
  }
  await syncFolder(parent)
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

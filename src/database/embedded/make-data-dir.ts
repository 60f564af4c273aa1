import { access, chmod, chown, constants, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

import { ConfigError } from '../../config-error.ts'
import { mayEnter, type Account } from './choose-account.ts'
import { makeFolders } from '../../files-make-folders.ts'
import { syncFolder } from '../../files-sync-folder.ts'

/** Makes DATA_DIR, closed to all others, when it is absent; an existing one keeps its owner and mode. */
export async function makeDataDir(dataDir: string): Promise<void> {
  try {
    await makeFolders(dirname(dataDir), 0o777)
    if ((await makeFolders(dataDir, 0o700)).length > 0) await syncFolder(dirname(dataDir))
    await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw new ConfigError(`DATA_DIR: ${dataDir} is ${await whyNot(dataDir)}.`, { cause })
  }
}

async function whyNot(dataDir: string): Promise<string> {
  const user = `this user (uid ${process.geteuid?.()})`
  const isThere = await stat(dataDir).then(
    (found) => found.isDirectory(),
    () => false,
  )
  return isThere
    ? `no folder that ${user} may write in; let it read and write there, or name another`
    : `not a folder that ${user} may write in, and it cannot be made; name another`
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

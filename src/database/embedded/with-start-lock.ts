import { lchown, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'

import { ConfigError } from '../../errors/app-error.ts'

const retryMs = 50
const lockTimeoutMs = 60_000
const sqliteBusy = 5

/**
 * Runs an action while no other process starts, joins or stops the server of the same folder. The lock is SQLite's lock
 * on an empty file: the kernel releases it when the process dies, so it is never stale.
 */
export async function withStartLock<Result>(dataDir: string, action: () => Promise<Result>): Promise<Result> {
  const file = join(dataDir, 'postgresql.lock')
  const lock = new DatabaseSync(file)
  try {
    await shareWithOwner(dataDir, file)
    await acquire(lock)
    return await action()
  } finally {
    lock.close()
  }
}

async function acquire(lock: DatabaseSync): Promise<void> {
  const deadline = Date.now() + lockTimeoutMs
  while (!tryLock(lock)) {
    if (Date.now() > deadline)
      throw new ConfigError('DATA_DIR: another process is still starting or stopping its embedded database. Try again.')
    await sleep(retryMs)
  }
}

function tryLock(lock: DatabaseSync): boolean {
  try {
    lock.exec('BEGIN EXCLUSIVE')
    return true
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy) return false
    throw error
  }
}

/** The owner of the folder must be able to take a lock file that root created. */
async function shareWithOwner(dataDir: string, file: string): Promise<void> {
  if (process.geteuid?.() !== 0) return
  const { uid, gid } = await stat(dataDir)
  if (uid !== 0) await lchown(file, uid, gid)
}

import { constants } from 'node:fs'
import { open, readFile, type FileHandle } from 'node:fs/promises'

import type { Account } from './choose-account.ts'

const mostBytes = 10 * 1024 * 1024

/** Opens the file that the server's output is added to; one that has grown too large begins anew. */
export async function openServerLog(file: string, account: Account): Promise<FileHandle> {
  const { O_WRONLY, O_CREAT, O_APPEND, O_NOFOLLOW } = constants
  const log = await open(file, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600)
  if (account.kind === 'other') await log.chown(account.uid, account.gid)
  const { size } = await log.stat()
  if (size > mostBytes) await log.truncate(0)

  return log
}

/** What was added to the log since it had this many bytes. */
export async function readServerLog(file: string, from: number): Promise<string> {
  return (await readFile(file)).subarray(from).toString()
}

import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

import { ConfigError } from '../../config-error.ts'

/** Root's right to read and pass everywhere; the second, which containers keep, lets it write as well. */
export type ReadingRight = 'dac_read_search' | 'dac_override'

/** Bits of Linux' capability sets, from `linux/capability.h`; the lesser right first. */
const rights: [ReadingRight, bigint][] = [
  ['dac_read_search', 1n << 2n],
  ['dac_override', 1n << 1n],
]

/** Which right this process has and can lend to a server whose data lies in a folder that only root may enter. */
export async function findReadingRight(): Promise<ReadingRight> {
  const right = await findPermitted()
  if (right !== undefined && (await hasSetpriv())) return right
  throw new ConfigError(
    'DATA_DIR lies in a folder that only root may enter, where the embedded PostgreSQL, which does not run as root, cannot go; choose another folder, or set DATABASE_URL.',
  )
}

async function findPermitted(): Promise<ReadingRight | undefined> {
  const status = await readFile('/proc/self/status', 'utf8')
  const permitted = BigInt(`0x${/^CapPrm:\s*([\da-f]+)$/m.exec(status)?.[1] ?? '0'}`)

  return rights.find(([, bit]) => (permitted & bit) !== 0n)?.[0]
}

async function hasSetpriv(): Promise<boolean> {
  try {
    await promisify(execFile)('setpriv', ['--version'])
    return true
  } catch {
    return false
  }
}

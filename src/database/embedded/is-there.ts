import { lstat } from 'node:fs/promises'

import { hasCode } from '../../errors-code.ts'

/** Whether something stands at a path, a link that leads nowhere too. */
export async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
}

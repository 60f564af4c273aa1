import { randomBytes, randomUUID } from 'node:crypto'
import { link, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { hasCode } from '../errors.ts'
import { readIfThere } from '../files.ts'

/**
 * The secret that the embedded installation signs its tokens with: made once, kept in the data folder for its owner
 * alone. Of several processes that start at once one makes it and all read the same.
 */
export async function keepSecret(dataDir: string): Promise<string> {
  const path = join(dataDir, 'jwt-secret')
  return (await read(path)) ?? (await make(path))
}

async function read(path: string): Promise<string | undefined> {
  return (await readIfThere(path))?.trim()
}

// Whole under its final name or not at all, so that a kill cannot leave half a secret.
async function make(path: string): Promise<string> {
  const draft = `${path}.${randomUUID()}`
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(`${randomBytes(32).toString('hex')}\n`)
    await file.sync()
    await link(draft, path).catch(ignoreTaken)
  } finally {
    await file.close()
    await rm(draft, { force: true })
  }
  return (await readFile(path, 'utf8')).trim()
}

function ignoreTaken(error: unknown): void {
  if (!hasCode(error, 'EEXIST')) throw error
}

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Real } from './verb.ts'

const mostLines = 20

const markOf = ({ salt, story }: Real) => `${salt}:${story.length}`

/** The service writes down with each line what we call the request: here all that belong to one verb. */
export function markRequests(real: Real): void {
  for (const { headers } of [...Object.values(real.people), real.administrator])
    Object.assign(headers, { 'x-request-id': markOf(real) })
}

/** What the service had to say of the last verb’s requests. */
export async function readMarkedLines(real: Real): Promise<string[]> {
  const log = await readFile(join(real.world.folder, 'log'), 'utf8')
  return log
    .split('\n')
    .filter((line) => line.includes(`"${markOf(real)}"`))
    .slice(-mostLines)
}

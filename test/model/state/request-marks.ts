import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Real } from './verb.ts'

const maxLines = 20

/** The service writes down with each line what we call the request: here all that belong to one step of a history. */
export function markRequests(real: Real, step: string): void {
  real.mark = `${real.salt}:${step}`
  for (const { headers } of [...Object.values(real.people), real.administrator])
    Object.assign(headers, { 'x-request-id': real.mark })
}

/** What the service had to say of the last step’s requests: what each was answered, and whatever went wrong. */
export async function readMarkedLines({ world, mark }: Real): Promise<string[]> {
  const log = await readFile(join(world.folder, 'log'), 'utf8')
  return log
    .split('\n')
    .filter((line) => line.includes(`"${mark}"`) && isTelling(line))
    .slice(-maxLines)
}

function isTelling(line: string): boolean {
  return !line.includes('"level":"info"') || line.includes('"event":"request"')
}

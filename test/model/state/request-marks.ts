import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Real } from './verb.ts'

const maxLines = 20

/** The service logs the client's request id. All requests of one step of a history share one. */
export function markRequests(real: Real, step: string): void {
  real.mark = `${real.salt}:${step}`
  for (const { headers } of [...Object.values(real.people), real.administrator])
    Object.assign(headers, { 'x-request-id': real.mark })
}

/** The service's log of the last step's requests: their answers and all errors. */
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

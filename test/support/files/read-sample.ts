import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A file written by another program. `samples/README.md` lists them with their origin. */
export function readSample(name: string): Buffer {
  return readFileSync(join(import.meta.dirname, 'samples', name))
}

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A file as another program wrote it; which there are, and how they were made, stands in `samples/README.md`. */
export function readSample(name: string): Buffer {
  return readFileSync(join(import.meta.dirname, 'samples', name))
}

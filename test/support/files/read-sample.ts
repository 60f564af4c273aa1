import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A file as another program wrote it. `samples/README.md` lists them and how they were made. */
export function readSample(name: string): Buffer {
  return readFileSync(join(import.meta.dirname, 'samples', name))
}

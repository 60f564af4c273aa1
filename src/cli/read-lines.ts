import { createReadStream } from 'node:fs'

import { splitLines } from '../files-split-lines.ts'

/** The lines of a text file. */
export function readLines(path: string): AsyncGenerator<string> {
  // With an encoding it yields text; the type of a stream cannot say so.
  return splitLines(createReadStream(path, 'utf8') as AsyncIterable<string>)
}

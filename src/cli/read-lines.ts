import { createReadStream } from 'node:fs'

/** The lines of a text file. Only a line feed ends one: Node's readline would also take characters that JSON has in its strings. */
export async function* readLines(path: string): AsyncGenerator<string> {
  let rest = ''
  for await (const piece of createReadStream(path, 'utf8')) {
    const lines = (rest + String(piece)).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  if (rest !== '') yield rest
}

import { PassThrough, type Readable } from 'node:stream'

/** The same bytes; a failure comes out as what `translate` makes of it, and who lets go of the one lets go of both. */
export function forwardStream(source: Readable, translate: (error: unknown) => unknown): Readable {
  const output = new PassThrough()
  // Whoever reads hears of it, also later. While nobody does yet, as while a scan waits for its turn, it would end the process.
  output.on('error', () => undefined)
  source.once('error', (error) => output.destroy(asError(translate(error))))
  // An end that was not the end: whoever reads must not take half a file for a whole one.
  source.once('close', () => {
    if (!source.readableEnded && !source.errored)
      output.destroy(asError(translate(new Error('The source was closed.'))))
  })
  output.once('close', () => source.destroy())
  source.pipe(output)
  return output
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('The source of a file failed.', { cause: reason })
}

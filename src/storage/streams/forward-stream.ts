import { PassThrough, type Readable } from 'node:stream'

/** Forwards a stream and translates its errors. Destroying one stream destroys both. */
export function forwardStream(source: Readable, translate: (error: unknown) => unknown): Readable {
  const output = new PassThrough()
  // Without a listener, an error before the first read (while a scan waits, for example) would end the process. Readers still get the error.
  output.on('error', () => undefined)
  source.once('error', (error) => output.destroy(asError(translate(error))))
  // A premature close must not look like the end of the file.
  source.once('close', () => {
    if (!source.readableEnded && !source.errored)
      output.destroy(asError(translate(new Error('the source closed before its end'))))
  })
  output.once('close', () => source.destroy())
  source.pipe(output)
  return output
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('the source failed', { cause: reason })
}

import { Readable } from 'node:stream'

/** The least that a reader takes on average over `windowMs` of waiting for it. */
export type MinRate = { bytesPerSecond: number; windowMs: number }

/** A mobile connection in the country takes more. An archive of 2 GB at this rate lasts 18 hours. */
export const minArchiveRate: MinRate = { bytesPerSecond: 32 * 1024, windowMs: 60_000 }

/**
 * The same bytes, in a stream that is destroyed when its reader takes less than the minimum rate: a few slow readers could
 * occupy all archives. Only the time counts in which bytes wait for the reader, since a slow store is not its fault.
 */
export function requireRate(source: Readable, rate: MinRate): Readable {
  const content = Readable.from(measured(source, rate), { objectMode: false })
  // A generator that waits for its source does not end it.
  content.once('close', () => source.destroy())
  return content
}

async function* measured(source: Readable, { bytesPerSecond, windowMs }: MinRate): AsyncGenerator<Buffer> {
  let waitedMs = 0
  let bytes = 0
  for await (const chunk of source) {
    const since = performance.now()
    yield chunk as Buffer // a ZIP is written in buffers
    waitedMs += performance.now() - since
    bytes += (chunk as Buffer).length
    if (waitedMs < windowMs) continue
    if (bytes * 1000 < bytesPerSecond * waitedMs) throw new Error('the client reads the archive too slowly')
    waitedMs = 0
    bytes = 0
  }
}

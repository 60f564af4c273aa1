import { pipeline, type Readable, Transform } from 'node:stream'

/** Of a backup that is being made. `onMove` hears of every row, file and piece of a file that came further. */
export type Underway = { signal: AbortSignal; onMove: () => void }

/** The same bytes; whoever waits for them hears that they come. */
export function noticing(source: Readable, onMove: () => void): Readable {
  const notice = new Transform({
    transform(piece, _, next) {
      onMove()
      next(null, piece)
    },
  })
  // What goes wrong with the source comes out of this one.
  return pipeline(source, notice, () => undefined)
}

import { setTimeout as wait } from 'node:timers/promises'

/** Waits before each file for so long that, over all that call it, no more bytes a second are on their way. */
export function makePace(bytesPerSecond: number, signal: AbortSignal): (bytes: number) => Promise<void> {
  let freeAt = 0
  return async (bytes) => {
    const now = performance.now()
    const startsAt = Math.max(now, freeAt)
    freeAt = startsAt + (bytes / bytesPerSecond) * 1000
    if (startsAt > now) await wait(startsAt - now, undefined, { signal })
  }
}

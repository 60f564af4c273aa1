import { AppError } from '../errors.ts'

export type ByteBudget = {
  /**
   * Waits for so many bytes, first come, first served, and resolves with the function that gives them back. Throws
   * `store_unavailable` when they did not become free in time, and the signal's reason when that comes first.
   */
  reserve(bytes: number, options?: { signal?: AbortSignal; waitSeconds?: number }): Promise<() => void>
  /** Takes bytes at once if nobody waits and `leaving` stay free; else undefined. Gives the function that returns them. */
  takeAtOnce(bytes: number, options: { leaving: number }): (() => void) | undefined
  totalBytes: number
  free(): number
  waiting(): number
}

const usualWaitSeconds = 10

type Waiter = { bytes: number; admit: () => void }

/** Bounds the memory of all uploads together, whatever their number. */
export function makeByteBudget(totalBytes: number): ByteBudget {
  const queue: Waiter[] = []
  let free = totalBytes

  function admitNext(): void {
    for (let next = queue[0]; next !== undefined && next.bytes <= free; next = queue[0]) {
      queue.shift()
      free -= next.bytes
      next.admit()
    }
  }

  function holdingOf(bytes: number): () => void {
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      free += bytes
      admitNext()
    }
  }

  function takeAtOnce(bytes: number, { leaving }: { leaving: number }): (() => void) | undefined {
    if (queue.length > 0 || bytes + leaving > free) return undefined
    free -= bytes
    return holdingOf(bytes)
  }

  return {
    totalBytes,
    free: () => free,
    waiting: () => queue.length,
    takeAtOnce,
    async reserve(bytes, { signal, waitSeconds = usualWaitSeconds } = {}) {
      signal?.throwIfAborted()
      if (bytes > totalBytes) throw new RangeError(`${bytes} bytes can never be had of ${totalBytes}.`)
      const taken = takeAtOnce(bytes, { leaving: 0 })
      if (taken !== undefined) return taken

      const { promise, resolve, reject } = Promise.withResolvers<() => void>()
      const waiter = { bytes, admit: () => resolve(holdingOf(bytes)) }
      queue.push(waiter)
      const giveUp = (reason: unknown) => {
        const place = queue.indexOf(waiter)
        if (place === -1) return
        queue.splice(place, 1)
        reject(reason)
        // Who stood behind may be small enough.
        admitNext()
      }
      return boundWait(promise, giveUp, { signal, waitSeconds })
    },
  }
}

type Patience = { signal: AbortSignal | undefined; waitSeconds: number }

/** The promise; when patience ends before it, `giveUp` is told why. */
async function boundWait<Value>(
  promise: Promise<Value>,
  giveUp: (reason: unknown) => void,
  { signal, waitSeconds }: Patience,
): Promise<Value> {
  const onAbort = () => giveUp(signal?.reason)
  // A timer cannot be set for ever.
  const timer = waitSeconds === Infinity ? undefined : setTimeout(() => giveUp(tooBusy()), waitSeconds * 1000)
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}

function tooBusy(): AppError {
  return new AppError('store_unavailable', 'Too many files are being uploaded just now. Try again in a moment.', {
    retryAfterSeconds: 10,
  })
}

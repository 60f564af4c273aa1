import { AppError } from '../../errors/app-error.ts'

/**
 * Ends a reservation. `block`: memory that was taken for it, and that nobody reads or writes any more, also no socket: it
 * becomes the memory of another upload.
 */
export type ReleaseBytes = (block?: Buffer) => void

export type ByteBudget = {
  /**
   * Waits for so many bytes, first come, first served, and resolves with the function that gives them back. Throws
   * `store_unavailable` when they did not become free in time, and the signal's reason when that comes first.
   */
  reserve(bytes: number, options?: { signal?: AbortSignal; waitSeconds?: number }): Promise<ReleaseBytes>
  /** Takes bytes at once if nobody waits and `leaving` stay free; else undefined. Gives the function that returns them. */
  tryReserve(bytes: number, options: { leaving: number }): ReleaseBytes | undefined
  /** A block of at least so many bytes, which are reserved. What stood in it may still be there. */
  allocateBlock(bytes: number): Buffer
  totalBytes: number
  free(): number
  waiting(): number
}

const usualWaitSeconds = 10

type Waiter = { bytes: number; admit: () => void }

/** Smaller ones cost little to make and to collect. */
const minBlockBytes = 1024 * 1024
/** Lengths of blocks are multiples of this, so that one fits the next file of about the same length. */
const blockStepBytes = 512 * 1024

/**
 * Blocks that are used again. Garbage of this size would stay until a collection, which memory outside of the heap hardly
 * hastens. What waits here is never more than `free`.
 */
function createBlockPool(free: () => number) {
  let blocks: Buffer[] = []

  function drop(): void {
    let left = free()
    blocks = blocks.filter(({ length }) => {
      if (length > left) return false
      left -= length
      return true
    })
  }

  return {
    put(block: Buffer): void {
      if (block.length >= minBlockBytes) blocks.push(block)
      drop()
    },
    take(bytes: number): Buffer {
      const length = bytes < minBlockBytes ? bytes : Math.ceil(bytes / blockStepBytes) * blockStepBytes
      const index = blocks.findIndex((block) => block.length === length)
      const [block = Buffer.allocUnsafeSlow(length)] = index === -1 ? [] : blocks.splice(index, 1)
      drop()
      return block
    },
  }
}

/** Bounds the memory of all uploads together, whatever their number. */
export function createByteBudget(totalBytes: number): ByteBudget {
  const queue: Waiter[] = []
  let free = totalBytes
  const pool = createBlockPool(() => free)

  function admitNext(): void {
    for (let next = queue[0]; next !== undefined && next.bytes <= free; next = queue[0]) {
      queue.shift()
      free -= next.bytes
      next.admit()
    }
  }

  function holdingOf(bytes: number): ReleaseBytes {
    let isHeld = true
    return (block) => {
      if (!isHeld) return
      isHeld = false
      free += bytes
      if (block !== undefined) pool.put(block)
      admitNext()
    }
  }

  function takeAtOnce(bytes: number, { leaving }: { leaving: number }): ReleaseBytes | undefined {
    if (queue.length > 0 || bytes + leaving > free) return undefined
    free -= bytes
    return holdingOf(bytes)
  }

  return {
    totalBytes,
    free: () => free,
    waiting: () => queue.length,
    tryReserve: takeAtOnce,
    allocateBlock: (bytes) => pool.take(bytes),
    async reserve(bytes, { signal, waitSeconds = usualWaitSeconds } = {}) {
      signal?.throwIfAborted()
      if (bytes > totalBytes) throw new RangeError(`${bytes} bytes can never be had of ${totalBytes}.`)
      const taken = takeAtOnce(bytes, { leaving: 0 })
      if (taken !== undefined) return taken

      const { promise, resolve, reject } = Promise.withResolvers<ReleaseBytes>()
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

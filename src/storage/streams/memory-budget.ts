import { Fault } from '../../errors/faults.ts'

/**
 * Ends a reservation. `block`: the buffer allocated for it, to be reused by another upload. Nothing may read or write it
 * any more, not even a socket.
 */
export type ReleaseBytes = (block?: Buffer) => void

export type ByteBudget = {
  /**
   * Waits in order of arrival until the bytes are free, and resolves with the function that releases them. Throws
   * `store_unavailable` on a timeout, and the signal's reason on an abort.
   */
  reserve(bytes: number, options?: { signal?: AbortSignal; waitSeconds?: number }): Promise<ReleaseBytes>
  /** Reserves bytes without waiting if nobody waits and `leaving` bytes stay free. Returns the function that releases them, or undefined. */
  tryReserve(bytes: number, options: { leaving: number }): ReleaseBytes | undefined
  /** Returns a buffer of at least so many bytes, which the caller has reserved. It may contain old data. */
  allocateBlock(bytes: number): Buffer
  totalBytes: number
  free(): number
  waiting(): number
}

const defaultWaitSeconds = 10

type Waiter = { bytes: number; admit: () => void }

/** Smaller buffers are cheap to allocate and to collect. */
const minBlockBytes = 1024 * 1024
/** Buffer lengths are multiples of this, so that a buffer fits the next file of similar size. */
const blockStepBytes = 512 * 1024

/**
 * Reuses buffers. Memory outside of the heap hardly triggers a garbage collection, so freed buffers would pile up. The pool
 * never uses more than `free` bytes.
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

  function createRelease(bytes: number): ReleaseBytes {
    let isReserved = true
    return (block) => {
      if (!isReserved) return
      isReserved = false
      free += bytes
      if (block !== undefined) pool.put(block)
      admitNext()
    }
  }

  function takeAtOnce(bytes: number, { leaving }: { leaving: number }): ReleaseBytes | undefined {
    if (queue.length > 0 || bytes + leaving > free) return undefined
    free -= bytes
    return createRelease(bytes)
  }

  return {
    totalBytes,
    free: () => free,
    waiting: () => queue.length,
    tryReserve: takeAtOnce,
    allocateBlock: (bytes) => pool.take(bytes),
    async reserve(bytes, { signal, waitSeconds = defaultWaitSeconds } = {}) {
      signal?.throwIfAborted()
      if (bytes > totalBytes) throw new RangeError(`${bytes} bytes exceed the budget of ${totalBytes}`)
      const taken = takeAtOnce(bytes, { leaving: 0 })
      if (taken !== undefined) return taken

      const { promise, resolve, reject } = Promise.withResolvers<ReleaseBytes>()
      const waiter = { bytes, admit: () => resolve(createRelease(bytes)) }
      queue.push(waiter)
      const giveUp = (reason: unknown) => {
        const index = queue.indexOf(waiter)
        if (index === -1) return
        queue.splice(index, 1)
        reject(reason)
        // The next waiter may need fewer bytes.
        admitNext()
      }
      return boundWait(promise, giveUp, { signal, waitSeconds })
    },
  }
}

type WaitLimits = { signal: AbortSignal | undefined; waitSeconds: number }

/** Waits for the promise. Calls `giveUp` with the reason on an abort or a timeout. */
async function boundWait<Value>(
  promise: Promise<Value>,
  giveUp: (reason: unknown) => void,
  { signal, waitSeconds }: WaitLimits,
): Promise<Value> {
  const onAbort = () => giveUp(signal?.reason)
  // `setTimeout` does not accept Infinity.
  const timer =
    waitSeconds === Infinity ? undefined : setTimeout(() => giveUp(new Fault('uploads_busy')), waitSeconds * 1000)
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}

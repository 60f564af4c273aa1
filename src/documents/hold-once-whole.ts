import type { ByteBudget } from '../storage/byte-budget.ts'
import type { HeldInMemory, Spooled } from '../storage/file-store.ts'
import { readPieces } from '../storage/read-as-it-grows.ts'
import type { Spool } from '../storage/spool.ts'
import type { Checks } from './finish-hash.ts'
import { flowIntoSpool } from './flow-into-spool.ts'
import { holdInMemory } from './hold-in-memory.ts'
import type { Chunks } from './limit-bytes.ts'

/**
 * Holds a small file that there was no memory for when it began: until it is whole it lies in the spool, where a client
 * that hardly sends takes nothing from anybody, and only then waits for memory. Throws `store_unavailable` when none became free.
 */
export async function holdOnceWhole(
  { budget, spool }: { budget: ByteBudget; spool: Spool },
  chunks: Chunks,
  { signal, ...checks }: Checks & { signal: AbortSignal },
): Promise<{ content: HeldInMemory; release: () => Promise<void> }> {
  // Nothing to stop: it is removed only after the last byte, or after whatever came instead.
  const { content, release } = await flowIntoSpool(spool, chunks, { ...checks, stop: () => undefined })
  const held = await holdWhole(content, { budget, signal }).catch(async (error: unknown) => {
    await release()
    throw error
  })
  try {
    await release()
    return held
  } catch (error) {
    await held.release()
    throw error
  }
}

async function holdWhole({ accepted, path }: Spooled, { budget, signal }: { budget: ByteBudget; signal: AbortSignal }) {
  const { size, sha256 } = await accepted
  const giveBack = await budget.reserve(size, { signal })
  const pieces = readPieces(path, { start: 0, end: size })
  return holdInMemory(giveBack, pieces, { mostBytes: size, expectedSha256: sha256 })
}

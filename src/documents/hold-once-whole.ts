import type { ByteBudget } from '../storage/byte-budget.ts'
import type { HeldInMemory } from '../storage/file-store.ts'
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
  try {
    const { size, sha256 } = await content.accepted
    const giveBack = await budget.reserve(size, { signal })
    const pieces = readPieces(content.path, { start: 0, end: size })
    return await holdInMemory(giveBack, pieces, { mostBytes: size, expectedSha256: sha256 })
  } finally {
    await release()
  }
}

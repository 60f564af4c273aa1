import { createHash } from 'node:crypto'

import type { ByteBudget } from '../storage/byte-budget.ts'
import type { HeldInMemory } from '../storage/file-store.ts'
import { type Checks, finishHash } from './finish-hash.ts'
import { bytesInMemory } from './formats/file-bytes.ts'
import type { Chunks } from './limit-bytes.ts'

type Limits = Checks & {
  mostBytes: number
  signal: AbortSignal
  /** How long to wait for room; the budget's own patience when it is not said. */
  waitSeconds?: number
}

/** Reads a small file whole, once the budget of all uploads has room for it. */
export async function holdInMemory(
  budget: ByteBudget,
  chunks: Chunks,
  { mostBytes, expectedSha256, check, signal, waitSeconds }: Limits,
): Promise<{ content: HeldInMemory; release: () => Promise<void> }> {
  const giveBack = await budget.reserve(mostBytes, { signal, ...(waitSeconds !== undefined && { waitSeconds }) })
  try {
    const hash = createHash('sha256')
    // One block that the chunks are copied into: to join them at the end would need the memory twice.
    const block = Buffer.allocUnsafeSlow(mostBytes)
    let size = 0
    for await (const chunk of chunks) {
      hash.update(chunk)
      size += chunk.copy(block, size)
    }
    const content: HeldInMemory = {
      kind: 'memory',
      bytes: block.subarray(0, size),
      sha256: finishHash(hash, expectedSha256),
    }
    await check?.(bytesInMemory(content.bytes))
    return { content, release: async () => giveBack() }
  } catch (error) {
    giveBack()
    throw error
  }
}

import { createHash } from 'node:crypto'

import type { HeldInMemory } from '../storage/file-store.ts'
import { type Checks, finishHash } from './finish-hash.ts'
import { bytesInMemory } from './formats/file-bytes.ts'
import type { Chunks } from './limit-bytes.ts'

/** Reads a small file whole into memory of the budget that was given for it; gives that back when it fails. */
export async function holdInMemory(
  giveBack: () => void,
  chunks: Chunks,
  { mostBytes, expectedSha256, check }: Checks & { mostBytes: number },
): Promise<{ content: HeldInMemory; release: () => Promise<void> }> {
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

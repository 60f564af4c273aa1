import { createHash } from 'node:crypto'

import type { Spooled } from '../storage/file-store.ts'
import type { Spool, SpoolFile } from '../storage/spool.ts'
import { type Checks, finishHash } from './finish-hash.ts'
import { withFileBytes } from './formats/file-bytes.ts'
import type { Chunks } from './limit-bytes.ts'
import type { ScanFeed } from './scanning/scan-upload.ts'

type Flow = Checks & {
  /** Who scans the bytes as they come; left out where they were scanned when they came first. */
  scan?: ScanFeed
  /** Ends the incoming stream, so that a client that stalls cannot hold up the release. */
  stop: () => void
}

/** Lets a large file flow into the spool while a store reads it from there. Returns at once. */
export async function flowIntoSpool(
  spool: Spool,
  chunks: Chunks,
  { stop, ...checks }: Flow,
): Promise<{ content: Spooled; release: () => Promise<void> }> {
  const file = await spool.open()
  const flowing = appendAll(file, chunks, checks)
  return {
    content: file.content,
    release: async () => {
      stop()
      await flowing
      await file.remove()
    },
  }
}

/** Never throws: how it ended is told through the spooled content's `accepted`. */
async function appendAll(
  file: SpoolFile,
  chunks: Chunks,
  { expectedSha256, check, scan }: Omit<Flow, 'stop'>,
): Promise<void> {
  const hash = createHash('sha256')
  let size = 0
  try {
    for await (const chunk of chunks) {
      hash.update(chunk)
      size += chunk.length
      await file.append(chunk)
      await scan?.take(chunk)
    }
    const sha256 = finishHash(hash, expectedSha256)
    if (check !== undefined) await withFileBytes(file.content.path, check)
    await scan?.finish()
    file.accept({ size, sha256 })
  } catch (error) {
    scan?.giveUp()
    file.refuse(error)
  }
}

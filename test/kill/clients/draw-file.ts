import { createHash } from 'node:crypto'

import { makePdf } from '../../support/files/make-files.ts'
import type { Random } from '../scene/random.ts'

export type DrawnFile = {
  bytes: Buffer
  sha256: string
  /** Sent in pieces and without a length, so that the service uses its spool instead of memory. */
  isStreamed: boolean
}

const megabyte = 1024 * 1024

/** A document of a usual size: mostly small, sometimes one that S3 gets in parts. `name`: unique. */
export function drawFile(random: Random, name: string): DrawnFile {
  const isLarge = random.percent(2)
  const bytes = isLarge ? random.between(5 * megabyte, 20 * megabyte) : drawSize(random)
  return fileOf(name, bytes, isLarge || random.percent(15))
}

/**
 * A scanned page. All have about the same length, so that they use the same memory block one after the other. It is
 * larger than the sockets of this machine buffer, so that a slow S3 leaves some of it in its block.
 */
export function drawScan(random: Random, name: string): DrawnFile {
  return fileOf(name, random.between(4_300_000, 4_600_000), false)
}

function fileOf(name: string, size: number, isStreamed: boolean): DrawnFile {
  const bytes = makePdf({ bytes: size, seed: name })
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex'), isStreamed }
}

/** Half of them below 30 KB. */
function drawSize(random: Random): number {
  return random.percent(50) ? random.between(1024, 30_000) : random.between(30_000, 300_000)
}

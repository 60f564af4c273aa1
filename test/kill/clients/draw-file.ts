import { createHash } from 'node:crypto'

import { makePdf } from '../../support/files/make-files.ts'
import type { Random } from '../scene/random.ts'

export type DrawnFile = {
  bytes: Buffer
  sha256: string
  /** Sent piece by piece and without a length, so that the service cannot hold it in memory and takes it through its spool. */
  isStreamed: boolean
}

const megabyte = 1024 * 1024

/** A document of a size that firms upload: mostly small, now and then one that S3 gets in parts. `name`: no two share it. */
export function drawFile(random: Random, name: string): DrawnFile {
  const isLarge = random.percent(2)
  const bytes = isLarge ? random.between(5 * megabyte, 20 * megabyte) : drawSize(random)
  return fileOf(name, bytes, isLarge || random.percent(15))
}

/**
 * A page as a scanner makes it, all of about one length: held in a block of memory that the next one gets after it. More
 * than sockets of this machine take at once, so that a slow S3 leaves some of it in its block.
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

import { createHash } from 'node:crypto'

import { z } from 'zod'

import { type Seal, sealColumns } from '../database/audit/trail.ts'
import type { Chained } from './compare-trail.ts'

/** The seal before the first. */
export const noHash = Buffer.alloc(32)

/** What a seal says beside its entries, of which it has the SHA-256: enough to follow the chain. */
export type Link = Omit<Seal, 'hash' | 'entries'> & { entriesHash: Buffer }

export function linkOf({ entries, ...link }: Omit<Seal, 'hash'>): Link {
  return { ...link, entriesHash: createHash('sha256').update(entries).digest() }
}

/** SHA-256 over all that a seal says, with the hash of the one before. A change of its form would break every seal. */
export function hashLink(link: Link): Buffer {
  const linkSchema = JSON.stringify([
    link.number,
    link.sealedAt,
    link.cluster,
    link.isByTime,
    link.afterTransaction,
    link.throughTransaction,
    link.notBefore,
    link.notAfter,
    link.entriesHash.toString('hex'),
    link.previousHash.toString('hex'),
  ])
  return createHash('sha256').update(linkSchema).digest()
}

const hashSchema = z.string().regex(/^[0-9a-f]{64}$/)
const said = z.object({
  number: z.number().int().min(1),
  // It is shown on a terminal.
  sealed_at: z.iso.datetime(),
  cluster: z.string(),
  is_gathered: z.boolean(),
  after_transaction: z.string(),
  through_transaction: z.string(),
  not_before: z.string(),
  not_after: z.string(),
  entries_hash: hashSchema,
  previous_hash: hashSchema,
  hash: hashSchema,
})
// A seal whose entries were cut out is to be named, not taken for no seal.
const sealSchema = z.object({ seal: said.extend({ entries: z.base64().optional().catch(undefined) }) })

/** A seal of an export; its entries are undefined where somebody cut them out, or made them unreadable. */
export type ExportedSeal = Chained & { entries: Buffer | undefined }

/** A seal as a line of an export. */
export function sealLine(seal: Seal): string {
  const { entriesHash } = linkOf(seal)
  return JSON.stringify({
    seal: {
      ...sealColumns(seal),
      entries_hash: entriesHash.toString('hex'),
      previous_hash: seal.previousHash.toString('hex'),
      hash: seal.hash.toString('hex'),
      entries: seal.entries.toString('base64'),
    },
  })
}

/** Undefined for a line that is no seal. */
export function readSealLine(line: unknown): ExportedSeal | undefined {
  const parsed = sealSchema.safeParse(line)
  if (!parsed.success) return undefined
  const { seal } = parsed.data
  return {
    link: {
      number: seal.number,
      sealedAt: seal.sealed_at,
      cluster: seal.cluster,
      isByTime: seal.is_gathered,
      afterTransaction: seal.after_transaction,
      throughTransaction: seal.through_transaction,
      notBefore: seal.not_before,
      notAfter: seal.not_after,
      entriesHash: Buffer.from(seal.entries_hash, 'hex'),
      previousHash: Buffer.from(seal.previous_hash, 'hex'),
    },
    hash: Buffer.from(seal.hash, 'hex'),
    entries: seal.entries === undefined ? undefined : Buffer.from(seal.entries, 'base64'),
  }
}

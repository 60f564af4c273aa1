import { createHash } from 'node:crypto'

import type { Seal } from '../database/seals.ts'

/** The seal before the first. */
export const noHash = Buffer.alloc(32)

/** What a seal says beside its entries, of which it has the SHA-256: enough to follow the chain. */
export type Link = Omit<Seal, 'hash' | 'entries'> & { entriesHash: Buffer }

export function linkOf(seal: Omit<Seal, 'hash'>): Link {
  return {
    number: seal.number,
    sealedAt: seal.sealedAt,
    cluster: seal.cluster,
    isGathered: seal.isGathered,
    afterTransaction: seal.afterTransaction,
    throughTransaction: seal.throughTransaction,
    notBefore: seal.notBefore,
    notAfter: seal.notAfter,
    previousHash: seal.previousHash,
    entriesHash: createHash('sha256').update(seal.entries).digest(),
  }
}

/** SHA-256 over all that a seal says, with the hash of the one before. A change of its form would break every seal. */
export function hashLink(link: Link): Buffer {
  const said = JSON.stringify([
    link.number,
    link.sealedAt,
    link.cluster,
    link.isGathered,
    link.afterTransaction,
    link.throughTransaction,
    link.notBefore,
    link.notAfter,
    link.entriesHash.toString('hex'),
    link.previousHash.toString('hex'),
  ])
  return createHash('sha256').update(said).digest()
}

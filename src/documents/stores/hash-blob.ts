import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'

import type { Sha256 } from '../../vocabulary/vocabulary.ts'

type Content = { size: number; sha256: Sha256 }

/** Reads every byte of a blob and buffers none. Throws `bytes_missing`, or that the store could not be asked. */
export async function hashBlob<Key>(
  store: { read(key: Key): Promise<Readable> },
  key: Key,
  signal?: AbortSignal,
): Promise<Content> {
  signal?.throwIfAborted()
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of await store.read(key)) {
    signal?.throwIfAborted()
    hash.update(chunk)
    size += chunk.length
  }
  return { size, sha256: hash.digest('hex') as Sha256 } // the hex of a SHA-256, as the brand requires
}

export function isSameContent(one: Content, other: Content): boolean {
  return one.size === other.size && one.sha256 === other.sha256
}

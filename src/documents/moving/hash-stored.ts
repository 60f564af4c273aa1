import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'

import type { Sha256 } from '../../vocabulary.ts'

/** What really lies in a store: reads every byte, holding none. Throws `bytes_missing`, or that the store could not be asked. */
export async function hashStored<Key>(
  store: { read(key: Key): Promise<Readable> },
  key: Key,
  signal?: AbortSignal,
): Promise<{ size: number; sha256: Sha256 }> {
  signal?.throwIfAborted()
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of await store.read(key)) {
    signal?.throwIfAborted()
    hash.update(chunk)
    size += chunk.length
  }
  return { size, sha256: hash.digest('hex') as Sha256 } // hex of a SHA-256 is what the brand says
}

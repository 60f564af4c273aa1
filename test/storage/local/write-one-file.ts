// A program whose system calls can be traced: writes one file to a local store and prints the result.
import { openLocalStore } from '../../../src/storage/local/local-store.ts'
import { StoreError } from '../../../src/storage/file-store.ts'
import { requireStorageKey } from '../../../src/storage/storage-key.ts'
import { inMemory } from '../contract/incoming-files.ts'

const [root = '', key = ''] = process.argv.slice(2)
const store = await openLocalStore({ root, links: { key: new Uint8Array(32), now: () => new Date() } })
process.stderr.write('opened\n')
try {
  await store.write(requireStorageKey(key), inMemory(Buffer.from('%PDF-1.4 a document')))
  process.stdout.write('written')
} catch (error) {
  process.stdout.write(error instanceof StoreError ? error.code : String(error))
}

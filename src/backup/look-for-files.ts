import { hashStored } from '../documents/hold-source.ts'
import { filesAt, type Stores } from '../documents/stores.ts'
import { inTurns } from '../documents/walk-versions.ts'
import type { FileStore } from '../storage/file-store.ts'
import { isReadableKey } from '../storage/storage-key.ts'
import type { StorageKey, StoreId } from '../vocabulary.ts'
import type { FileLine, Manifest } from './manifest.ts'
import type { PatientPlace } from './patient-place.ts'
import { isRefusedAlone } from './keep-file.ts'
import { fileLinesOf } from './restore-files.ts'

/** Of the files that a backup leaves where they lie. `unreadable`: the system refuses this one, and not its whole disk. */
export type FileFound = 'there' | 'not_here' | 'missing' | 'wrong' | 'unreadable'

type Looking = {
  folder: string
  files: Manifest['files']
  /** Every byte is read, and not only its length asked for. */
  reads: boolean
  concurrency: number
  signal: AbortSignal
  onFile: (line: FileLine, found: FileFound) => void
}

/** Looks for every file of a backup where its rows say that it lies. */
export async function lookForFiles(
  stores: Stores,
  place: PatientPlace,
  looking: Looking,
): Promise<Record<FileFound, number>> {
  const { folder, files, reads, concurrency, signal, onFile } = looking
  const counts: Record<FileFound, number> = { there: 0, not_here: 0, missing: 0, wrong: 0, unreadable: 0 }
  await inTurns(fileLinesOf(place, folder, files), concurrency, async (line) => {
    signal.throwIfAborted()
    if (line.state !== 'present') return 'next'
    const found = await place.patiently(async () => lookFor(stores, line, { reads, signal }))
    counts[found] += 1
    onFile(line, found)
    return 'next'
  })
  return counts
}

async function lookFor(stores: Stores, line: FileLine, how: How): Promise<FileFound> {
  const files = filesAt(stores, { store: line.store, storeId: line.store_id as StoreId | null }) // as rows have it
  if (files === undefined) return 'not_here'
  const { key } = line
  if (!isReadableKey(key)) return 'missing'
  try {
    return await compare(files, { ...line, key }, how)
  } catch (error) {
    if (await isRefusedAlone({ stores }, { store: line.store, key }, { error, signal: how.signal })) return 'unreadable'
    throw error
  }
}

type How = Pick<Looking, 'reads' | 'signal'>
type InStore = Pick<FileLine, 'size' | 'sha256'> & { key: StorageKey }

async function compare(files: FileStore, { key, size, sha256 }: InStore, { reads, signal }: How): Promise<FileFound> {
  const stat = await files.stat(key)
  if (stat === undefined) return 'missing'
  if (stat.size !== size) return 'wrong'
  if (!reads || sha256 === null) return 'there'
  return (await hashStored(files, key, signal)).sha256 === sha256 ? 'there' : 'wrong'
}

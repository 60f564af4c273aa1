import { hashStored } from '../documents/moving/hash-stored.ts'
import { filesAt } from '../documents/stores-here.ts'
import type { Stores } from '../documents/stores.ts'
import { inTurns } from '../documents/walk-versions.ts'
import { isReadableKey } from '../storage/storage-key.ts'
import type { StorageKey, StoreId } from '../vocabulary.ts'
import type { FileLine, Manifest } from './manifest.ts'
import type { PatientPlace } from './patient-place.ts'
import { linesOf } from './restore-files.ts'

/** What is not there, or is not what it was, of the files that a backup leaves where they lie. */
export type FileFound = 'there' | 'not_here' | 'missing' | 'wrong'

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
  const counts: Record<FileFound, number> = { there: 0, not_here: 0, missing: 0, wrong: 0 }
  await inTurns(linesOf(place, folder, files), concurrency, async (line) => {
    signal.throwIfAborted()
    if (line.state !== 'present') return 'next'
    const found = await place.patiently(async () => lookFor(stores, line, reads))
    counts[found] += 1
    onFile(line, found)
    return 'next'
  })
  return counts
}

async function lookFor(stores: Stores, line: FileLine, reads: boolean): Promise<FileFound> {
  const files = filesAt(stores, { store: line.store, storeId: line.store_id as StoreId | null }) // as rows have it
  if (files === undefined) return 'not_here'
  const key = line.key as StorageKey // looked at in the next line
  const stat = isReadableKey(key) ? await files.stat(key) : undefined
  if (stat === undefined) return 'missing'
  if (stat.size !== line.size) return 'wrong'
  if (!reads || line.sha256 === null) return 'there'
  return (await hashStored(files, key)).sha256 === line.sha256 ? 'there' : 'wrong'
}

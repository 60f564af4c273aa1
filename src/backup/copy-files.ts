import { inTurns } from '../documents/walk-versions.ts'
import { type KeepNeeds, keepFile, type Kept } from './keep-file.ts'
import type { ListedFiles } from './list-files.ts'
import { type FileLine, isLacking, type Manifest, type NamedFile } from './manifest.ts'
import type { PatientPlace } from './patient-place.ts'
import type { Underway } from './underway.ts'
import { makePartWriter } from './write-parts.ts'

export type CopyCounts = {
  copied: number
  copiedBytes: number
  shared: number
  fates: Partial<Record<FileLine['fate'], number>>
}
export type FileTold = { line: FileLine; counts: CopyCounts }

type Copying = {
  folder: string
  isRowsOnly: boolean
  listed: ListedFiles
  concurrency: number
  underway: Underway
  onFile: (told: FileTold) => void
}

/** Copies what the snapshot names and the place has not, so many at a time, and writes down what became of each file. */
export async function copyFiles(
  needs: KeepNeeds,
  place: PatientPlace,
  { folder, isRowsOnly, listed, concurrency, underway, onFile }: Copying,
): Promise<{ files: Manifest['files']; counts: CopyCounts }> {
  const writer = makePartWriter(place, folder, 'files')
  const counts: CopyCounts = { copied: 0, copiedBytes: 0, shared: 0, fates: {} }
  let lacking = 0
  await inTurns(listed.read(), concurrency, async (file) => {
    underway.signal.throwIfAborted()
    const { line, isNew } = isRowsOnly
      ? left(file)
      : await place.patiently(async () => keepFile(needs, place, file, underway))
    count(counts, line, isNew)
    if (isLacking[line.fate]) lacking += 1
    await writer.add(JSON.stringify(line))
    underway.onMove()
    onFile({ line, counts })
    return 'next'
  })
  const { parts } = await writer.end()
  return { files: { count: listed.total.files, bytes: listed.total.bytes, lacking, parts }, counts }
}

function count(counts: CopyCounts, line: FileLine, isNew: boolean): void {
  counts.fates[line.fate] = (counts.fates[line.fate] ?? 0) + 1
  if (line.fate !== 'kept') return
  if (!isNew) {
    counts.shared += 1
    return
  }
  counts.copied += 1
  counts.copiedBytes += line.size
}

function left(file: NamedFile): Kept {
  return { line: { ...file, fate: file.state === 'present' ? 'left' : 'known_bad' }, isNew: false }
}

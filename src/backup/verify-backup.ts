import { hashStored } from '../documents/moving/hash-stored.ts'
import { inTurns } from '../documents/walk-versions.ts'
import type { BackupPlace } from '../storage/backup-place/backup-place.ts'
import { StoreError } from '../storage/file-store.ts'
import { BackupWrong } from './backup-wrong.ts'
import { type FileLine, fileLineForm, type Part } from './manifest.ts'
import { contentName, damagedName } from './names.ts'
import type { OpenedBackup } from './open-backup.ts'
import { makePatient, type PatientPlace, type Trying } from './patient-place.ts'
import { readParts } from './read-parts.ts'

/** What is not as it was written: which file, below the place, and in words. */
export type BackupProblem = { file: string; why: string; line?: FileLine }

export type BackupCheck = Trying & {
  concurrency: number
  onProblem: (problem: BackupProblem) => void
  /** Content that is not what its name says is put aside, so that the next backup copies it anew. */
  repairs: boolean
  onFile: (done: { files: number; bytes: number }) => void
}

export type BackupChecked = { rows: number; files: number; bytes: number; problems: number; isComplete: boolean }

/** Reads every byte of a backup and compares it with its manifest, whose signature was looked at when it was opened. */
export async function verifyBackup(
  itsPlace: BackupPlace,
  { folder, manifest }: OpenedBackup,
  check: BackupCheck,
): Promise<BackupChecked> {
  const { signal } = check
  const done: BackupChecked = { rows: 0, files: 0, bytes: 0, problems: 0, isComplete: false }
  const tell = (problem: BackupProblem) => {
    done.problems += 1
    check.onProblem(problem)
  }
  try {
    await readAll({ place: makePatient(itsPlace, check), done, tell }, { folder, manifest }, check)
  } catch (error) {
    // Told to end while it waited for the place.
    if (!signal.aborted) throw error
  }
  return { ...done, isComplete: !signal.aborted }
}

type Reading = { place: PatientPlace; done: BackupChecked; tell: Tell }

async function readAll(
  { place, done, tell }: Reading,
  { folder, manifest }: Pick<OpenedBackup, 'folder' | 'manifest'>,
  check: BackupCheck,
): Promise<void> {
  for (const { parts } of manifest.tables)
    for (const part of parts) {
      check.signal.throwIfAborted()
      done.rows += await countLines(place, folder, part, tell)
    }
  for (const part of manifest.files.parts) {
    check.signal.throwIfAborted()
    await checkFiles({ place, lines: linesOf(place, folder, part, tell), done, tell }, check)
  }
}

type Tell = (problem: BackupProblem) => void

async function countLines(place: PatientPlace, folder: string, part: Part, tell: Tell): Promise<number> {
  let rows = 0
  for await (const _ of linesOf(place, folder, part, tell)) rows += 1
  return rows
}

async function* linesOf(
  place: PatientPlace,
  folder: string,
  part: Part,
  tell: Tell,
): AsyncGenerator<string, undefined> {
  try {
    let rows = 0
    for await (const line of readParts(place, folder, [part])) {
      rows += 1
      yield line
    }
    if (rows !== part.rows) tell({ file: `${folder}${part.file}`, why: `it has ${rows} rows instead of ${part.rows}` })
  } catch (error) {
    if (!(error instanceof BackupWrong)) throw error
    tell({ file: `${folder}${part.file}`, why: error.message })
  }
  return undefined
}

type Checking = Reading & { lines: AsyncGenerator<string, undefined> }

async function checkFiles(
  { place, lines, done, tell }: Checking,
  { concurrency, signal, repairs, onFile }: BackupCheck,
): Promise<void> {
  await inTurns(lines, concurrency, async (text) => {
    if (signal.aborted) return 'enough'
    const line = fileLineForm.parse(JSON.parse(text))
    if (line.fate !== 'kept' || line.sha256 === null) return 'next'
    const file = contentName(line.sha256)
    const fault = await place
      .patiently(async () => findFault(place, file, line))
      .catch((error: unknown) => {
        if (!signal.aborted) throw error
        return 'ended' as const
      })
    if (fault === 'ended') return 'enough'
    if (fault?.isOther === true && repairs) await putAside(place, file)
    if (fault !== undefined) tell({ file, why: fault.why, line })
    done.files += 1
    done.bytes += line.size
    onFile(done)
    return 'next'
  })
}

/** `isOther`: the bytes there are not those of the name, whatever a manifest says of their length. */
type Fault = { why: string; isOther: boolean }

/** Undefined: all is right. */
async function findFault(place: PatientPlace, file: string, { size, sha256 }: FileLine): Promise<Fault | undefined> {
  try {
    const found = await hashStored(place, file)
    const isOther = found.sha256 !== sha256
    if (found.size !== size) return { why: `it has ${found.size} bytes instead of ${size}`, isOther }
    return isOther ? { why: 'its bytes are not those that were kept', isOther } : undefined
  } catch (error) {
    if (isMissing(error)) return { why: 'it is missing', isOther: false }
    throw error
  }
}

/** Two versions may have the same bytes: then it is aside already. */
async function putAside(place: PatientPlace, file: string): Promise<void> {
  try {
    await place.rename(file, damagedName(file))
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'bytes_missing'
}

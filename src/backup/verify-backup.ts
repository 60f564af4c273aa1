import { hashBlob } from '../documents/moving/copy-blob.ts'
import { forEachConcurrently } from '../documents/stores/walk-versions.ts'
import type { BackupStore } from '../storage/backup-store/backup-store.ts'
import { isMissing } from '../storage/file-store.ts'
import { InvalidBackup, contentName, damagedName, type FileLine, fileLineSchema, type Part } from './manifest.ts'
import type { OpenedBackup } from './open-backup.ts'
import { createRetryingStore, type RetryingStore, type RetryOptions } from './retrying-store.ts'
import { readParts } from './parts.ts'

/**
 * - `backup`: what is of this one alone, its rows and its lists;
 * - `missing`, `damaged`: a file that any backup there may name;
 * - `aside`: it was damaged, and has another name now.
 */
export type ProblemKind = 'backup' | 'missing' | 'damaged' | 'aside'

/** What is not as it was written: which file, below the place, and in words. `line`: the first that names it. */
export type BackupProblem = { kind: ProblemKind; file: string; why: string; line?: FileLine }

export type VerifyRequest = RetryOptions & {
  concurrency: number
  onProblem: (problem: BackupProblem) => void
  /** Content that is not what its name says is put aside, so that the next backup copies it anew. */
  repairs: boolean
  onFile: (done: { files: number; bytes: number }) => void
}

export type VerifyResult = {
  rows: number
  files: number
  bytes: number
  notIncluded: number
  problems: number
  isComplete: boolean
}

/** Reads every byte of a backup and compares it with its manifest, whose signature was looked at when it was opened. */
export async function verifyBackup(
  store: BackupStore,
  { folder, manifest }: OpenedBackup,
  check: VerifyRequest,
): Promise<VerifyResult> {
  const { signal } = check
  const done: VerifyResult = { rows: 0, files: 0, bytes: 0, notIncluded: 0, problems: 0, isComplete: false }
  const tell = (problem: BackupProblem) => {
    done.problems += 1
    check.onProblem(problem)
  }
  try {
    const reading = { backupStore: createRetryingStore(store, check), done, tell, told: new Set<string>() }
    await readAll(reading, { folder, manifest }, check)
  } catch (error) {
    // Told to end while it waited for the place.
    if (!signal.aborted) throw error
  }
  return { ...done, isComplete: !signal.aborted }
}

/** `told`: content that several versions have is told once. */
type Reading = { backupStore: RetryingStore; done: VerifyResult; tell: Report; told: Set<string> }

async function readAll(
  { backupStore, done, tell, told }: Reading,
  { folder, manifest }: Pick<OpenedBackup, 'folder' | 'manifest'>,
  check: VerifyRequest,
): Promise<void> {
  for (const { parts } of manifest.tables)
    for (const part of parts) {
      check.signal.throwIfAborted()
      done.rows += await countLines(backupStore, folder, part, tell)
    }
  for (const part of manifest.files.parts) {
    check.signal.throwIfAborted()
    await checkFiles({ backupStore, lines: checkedLinesOf(backupStore, folder, part, tell), done, tell, told }, check)
  }
}

type Report = (problem: BackupProblem) => void

async function countLines(backupStore: RetryingStore, folder: string, part: Part, tell: Report): Promise<number> {
  let rows = 0
  for await (const _ of checkedLinesOf(backupStore, folder, part, tell)) rows += 1
  return rows
}

async function* checkedLinesOf(
  backupStore: RetryingStore,
  folder: string,
  part: Part,
  tell: Report,
): AsyncGenerator<string, undefined> {
  try {
    let rows = 0
    for await (const line of readParts(backupStore, folder, [part])) {
      rows += 1
      yield line
    }
    if (rows !== part.rows)
      tell({ kind: 'backup', file: `${folder}${part.file}`, why: `it has ${rows} rows instead of ${part.rows}` })
  } catch (error) {
    if (!(error instanceof InvalidBackup)) throw error
    tell({ kind: 'backup', file: `${folder}${part.file}`, why: error.message })
  }
  return undefined
}

type CheckFiles = Reading & { lines: AsyncGenerator<string, undefined> }

async function checkFiles(
  { backupStore, lines, done, tell, told }: CheckFiles,
  { concurrency, signal, repairs, onFile }: VerifyRequest,
): Promise<void> {
  await forEachConcurrently(lines, concurrency, async (text) => {
    if (signal.aborted) return 'enough'
    const line = fileLineSchema.parse(JSON.parse(text))
    if (line.fate !== 'kept' || line.sha256 === null) {
      done.notIncluded += 1
      return 'next'
    }
    const file = contentName(line.sha256)
    const fault = await backupStore
      .retry(async () => findFault(backupStore, file, line))
      .catch((error: unknown) => {
        if (!signal.aborted) throw error
        return 'ended' as const
      })
    if (fault === 'ended') return 'enough'
    if (fault !== undefined && !told.has(file)) {
      // Before it is put aside: who has the same bytes must not call it missing then.
      told.add(file)
      const left = repairs && fault.kind === 'damaged' ? await moveAside(backupStore, { ...fault, file, line }) : fault
      if (left !== undefined) tell({ ...left, file, line })
    }
    done.files += 1
    done.bytes += line.size
    onFile(done)
    return 'next'
  })
}

/** `backup`: the bytes are those of the name, whatever this manifest says of their length. */
type Fault = { why: string; kind: Exclude<ProblemKind, 'aside'> }

/** Undefined: all is right. */
async function findFault(
  backupStore: RetryingStore,
  file: string,
  { size, sha256 }: FileLine,
): Promise<Fault | undefined> {
  try {
    const found = await hashBlob(backupStore, file)
    const kind = found.sha256 === sha256 ? 'backup' : 'damaged'
    if (found.size !== size) return { why: `it has ${found.size} bytes instead of ${size}`, kind }
    return kind === 'damaged' ? { why: 'its bytes are not those that were kept', kind } : undefined
  } catch (error) {
    if (isMissing(error)) return { why: 'it is missing', kind: 'missing' }
    throw error
  }
}

type Damaged = { why: string; file: string; line: FileLine }

/** Undefined when right bytes came there meanwhile: a backup under way may have written the file anew since it was read. */
async function moveAside(backupStore: RetryingStore, { why, file, line }: Damaged) {
  const aside = damagedName(file)
  try {
    if (
      await backupStore.moveAside(file, aside, async () => (await hashBlob(backupStore, aside)).sha256 !== line.sha256)
    )
      return { why, kind: 'aside' as const }
  } catch (error) {
    // Somebody else took it away meanwhile.
    if (!isMissing(error)) throw error
  }
  return findFault(backupStore, file, line)
}

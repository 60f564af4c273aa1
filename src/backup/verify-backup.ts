import { hashBlob } from '../documents/stores/hash-blob.ts'
import { forEachConcurrently } from '../documents/stores/walk-versions.ts'
import type { BackupStore } from '../storage/backup-store/backup-store.ts'
import { isMissing } from '../storage/file-store.ts'
import { InvalidBackup, contentName, damagedName, type FileLine, fileLineSchema, type Part } from './backup-manifest.ts'
import type { OpenedBackup } from './open-backup.ts'
import { createRetryingStore, type RetryingStore, type RetryOptions } from './retrying-store.ts'
import { readParts } from './compressed-parts.ts'

/**
 * - `backup`: the rows and lists of this backup;
 * - `missing`, `damaged`: a file that other backups may share;
 * - `aside`: a damaged file that was renamed.
 */
export type ProblemKind = 'backup' | 'missing' | 'damaged' | 'aside'

/** A difference from the manifest. `file`: its name in the backup store; `line`: the first line that names it. */
export type BackupProblem = { kind: ProblemKind; file: string; why: string; line?: FileLine }

export type VerifyRequest = RetryOptions & {
  concurrency: number
  onProblem: (problem: BackupProblem) => void
  /** Renames damaged files, so that the next backup copies them again. */
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

/** Compares every byte of a backup with its manifest. `openBackup` has checked the signature. */
export async function verifyBackup(
  store: BackupStore,
  { folder, manifest }: OpenedBackup,
  check: VerifyRequest,
): Promise<VerifyResult> {
  const { signal } = check
  const done: VerifyResult = { rows: 0, files: 0, bytes: 0, notIncluded: 0, problems: 0, isComplete: false }
  const report = (problem: BackupProblem) => {
    done.problems += 1
    check.onProblem(problem)
  }
  try {
    const reading = { backupStore: createRetryingStore(store, check), done, report, reported: new Set<string>() }
    await readAll(reading, { folder, manifest }, check)
  } catch (error) {
    // A shutdown signal came during a wait for the backup store.
    if (!signal.aborted) throw error
  }
  return { ...done, isComplete: !signal.aborted }
}

/** `reported`: names of reported files, since several versions can share one. */
type Reading = { backupStore: RetryingStore; done: VerifyResult; report: Report; reported: Set<string> }

async function readAll(
  { backupStore, done, report, reported }: Reading,
  { folder, manifest }: Pick<OpenedBackup, 'folder' | 'manifest'>,
  check: VerifyRequest,
): Promise<void> {
  for (const { parts } of manifest.tables)
    for (const part of parts) {
      check.signal.throwIfAborted()
      done.rows += await countLines(backupStore, folder, part, report)
    }
  for (const part of manifest.files.parts) {
    check.signal.throwIfAborted()
    await checkFiles(
      { backupStore, lines: checkedLinesOf(backupStore, folder, part, report), done, report, reported },
      check,
    )
  }
}

type Report = (problem: BackupProblem) => void

async function countLines(backupStore: RetryingStore, folder: string, part: Part, report: Report): Promise<number> {
  let rows = 0
  for await (const _ of checkedLinesOf(backupStore, folder, part, report)) rows += 1
  return rows
}

async function* checkedLinesOf(
  backupStore: RetryingStore,
  folder: string,
  part: Part,
  report: Report,
): AsyncGenerator<string, undefined> {
  try {
    let rows = 0
    for await (const line of readParts(backupStore, folder, [part])) {
      rows += 1
      yield line
    }
    if (rows !== part.rows)
      report({ kind: 'backup', file: `${folder}${part.file}`, why: `it has ${rows} rows instead of ${part.rows}` })
  } catch (error) {
    if (!(error instanceof InvalidBackup)) throw error
    report({ kind: 'backup', file: `${folder}${part.file}`, why: error.message })
  }
  return undefined
}

type CheckFiles = Reading & { lines: AsyncGenerator<string, undefined> }

async function checkFiles(
  { backupStore, lines, done, report, reported }: CheckFiles,
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
    if (fault !== undefined && !reported.has(file)) {
      // Before the rename: other versions with the same content must not report it as missing.
      reported.add(file)
      const remaining =
        repairs && fault.kind === 'damaged' ? await moveAside(backupStore, { ...fault, file, line }) : fault
      if (remaining !== undefined) report({ ...remaining, file, line })
    }
    done.files += 1
    done.bytes += line.size
    onFile(done)
    return 'next'
  })
}

/** `backup`: the content matches its name, but not the length in the manifest. */
type Fault = { why: string; kind: Exclude<ProblemKind, 'aside'> }

/** Undefined if the file matches. */
async function findFault(
  backupStore: RetryingStore,
  file: string,
  { size, sha256 }: FileLine,
): Promise<Fault | undefined> {
  try {
    const found = await hashBlob(backupStore, file)
    const kind = found.sha256 === sha256 ? 'backup' : 'damaged'
    if (found.size !== size) return { why: `it has ${found.size} bytes instead of ${size}`, kind }
    return kind === 'damaged' ? { why: 'its bytes differ from those that were stored', kind } : undefined
  } catch (error) {
    if (isMissing(error)) return { why: 'it is missing', kind: 'missing' }
    throw error
  }
}

type Damaged = { why: string; file: string; line: FileLine }

/** Undefined if a running backup has replaced the file with the correct one since it was read. */
async function moveAside(backupStore: RetryingStore, { why, file, line }: Damaged) {
  const aside = damagedName(file)
  try {
    if (
      await backupStore.moveAside(file, aside, async () => (await hashBlob(backupStore, aside)).sha256 !== line.sha256)
    )
      return { why, kind: 'aside' as const }
  } catch (error) {
    // Another process removed it.
    if (!isMissing(error)) throw error
  }
  return findFault(backupStore, file, line)
}

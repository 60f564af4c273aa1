import { access, constants, stat } from 'node:fs/promises'
import { dirname, isAbsolute } from 'node:path'

import type { Heads } from '../../audit/compare-trail.ts'
import { type HeadStore, UnreadableHeads, createFileHeadStore, storeHeadTask } from '../../audit/seal-heads.ts'
import type { Db } from '../../database/connection/client.ts'
import { listRuns, type RunRecord } from '../../database/work/job-runs.ts'
import { AppError, hasCode } from '../../errors/app-error.ts'
import { untilAborted } from '../../storage/streams/read-spooled-file.ts'
import type { VerifyAuditOptions } from './audit-commands.ts'
import { WrongUse } from '../printing/explain-failure.ts'
import { explainS3Failure } from '../printing/explain-s3-failure.ts'

/** `db`: its job runs say whether heads were stored. */
type Needs = { heads: HeadStore | undefined; db?: Db; signal?: AbortSignal }

/** `note`: why there is no head. `areGone`: a stored head is missing. An attacker who truncates the trail removes the heads. */
type HeadsNote = { note: string | undefined; areGone: boolean }

/** `heads` is undefined when none are stored. */
export type HeadsRead = HeadsNote & { heads: Heads | undefined }

const noNote: HeadsNote = { note: undefined, areGone: false }

/** Reads the heads from the given file, or from AUDIT_HEADS. */
export async function readHeads(needs: Needs, { heads: file }: VerifyAuditOptions): Promise<HeadsRead> {
  if (file !== undefined) return { ...noNote, heads: await readFileOfHeads(file) }
  const { heads: headStore, db, signal } = needs
  if (headStore === undefined) return { heads: undefined, note: noHeadsNote, areGone: false }
  const heads = await untilAborted(headStore.read(), signal).catch((error: unknown) => {
    if (signal?.aborted === true || isSystemError(error)) throw error
    const { message: reason, advice } = explain(error)
    const message = `The heads cannot be read from ${headStore.address}, which AUDIT_HEADS names: ${reason}. ${advice} Or give a copy of the heads with --heads.`
    throw new AppError('store_unavailable', message, { cause: error })
  })
  return { heads, ...(heads.size === 0 ? await explainNoHeads(headStore, db) : noNote) }
}

async function readFileOfHeads(file: string): Promise<Heads> {
  await requireFile(file)
  const heads = await createFileHeadStore(file)
    .read()
    .catch((error: unknown) => {
      throw new WrongUse(`The heads cannot be read from ${file}: ${messageOf(error)}. ${headsAdvice}`)
    })
  if (heads.size === 0) throw new WrongUse(`${file} has no head. ${headsAdvice}`)
  return heads
}

export async function requireFile(path: string): Promise<void> {
  const isFile = await access(path, constants.R_OK).then(
    async () => !(await stat(path)).isDirectory(),
    () => false,
  )
  if (!isFile) throw new WrongUse(`There is no readable file ${path}.`)
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}

function explain(error: unknown): { message: string; advice: string } {
  if (!(error instanceof UnreadableHeads))
    return { message: messageOf(error), advice: 'Correct AUDIT_HEADS, or find out who changed the heads.' }
  const { message, advice } = explainS3Failure(error.failure)
  // AUDIT_HEADS names this bucket, not AWS_S3_BUCKET.
  const isAbsent = error.failure.s3Code === 'NoSuchBucket'
  return { message, advice: isAbsent ? 'Create it, or set AUDIT_HEADS to one that exists.' : advice }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'no reason given'
}

/** Explains missing heads by the last run of the job that stores them. */
async function explainNoHeads({ address }: HeadStore, db: Db | undefined): Promise<HeadsNote> {
  const runs = db === undefined ? [] : await listRuns(db)
  const described = runs.filter(({ task }) => task === storeHeadTask).map((run) => describeRun(address, run))[0]
  if (described !== undefined) return described
  const isDenied = isAbsolute(address) && !(await canCreateIn(dirname(address)))
  const note = isDenied
    ? `There is no head at ${address}, and this user may not create a file there. Let the service’s user write there, or correct AUDIT_HEADS.`
    : `There is no head at ${address} yet. The service stores the first one within the hour.`
  return { note, areGone: false }
}

function describeRun(
  address: string,
  { outcome, error, did, endedAt, endedBy, succeededAt }: RunRecord,
): HeadsNote | undefined {
  const noHead = `There is no head at ${address}`
  if (outcome === 'failed') {
    const note = `${noHead}: the service could not store one (${error ?? 'no reason given'}). Correct that, or AUDIT_HEADS.`
    return { note, areGone: succeededAt !== null }
  }
  const stored = Number(did?.['kept'] ?? 0)
  if (stored === 0) return undefined
  const note = `${noHead}, but the service (${endedBy ?? 'some instance'}) stored one at ${endedAt?.toISOString()} (seal ${stored}). It is on that machine, AUDIT_HEADS named another place then, or somebody removed it. Look there, or give a copy with --heads.`
  return { note, areGone: true }
}

async function canCreateIn(folder: string): Promise<boolean> {
  try {
    await access(folder, constants.W_OK | constants.X_OK)
    return true
  } catch (error) {
    return hasCode(error, 'ENOENT') && canCreateIn(dirname(folder))
  }
}

const headsAdvice = 'Name a file that AUDIT_HEADS wrote, or a copy of one.'
const noHeadsNote =
  'No heads were compared, so a truncated or resealed trail would go unnoticed. Set AUDIT_HEADS, or give --heads.'

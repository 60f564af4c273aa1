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

/** `db`: where there is one, it knows whether heads were kept. */
type Needs = { heads: HeadStore | undefined; db?: Db; signal?: AbortSignal }

/** `note`: what is to be said of there being none. `areGone`: one was kept, and none lies there, which whoever cuts the trail off would want. */
type HeadsNote = { note: string | undefined; areGone: boolean }

/** Undefined: nobody keeps any. */
export type HeadsRead = HeadsNote & { heads: Heads | undefined }

const nothingToSay: HeadsNote = { note: undefined, areGone: false }

/** The heads that are meant: of the file that is named, or of the place that AUDIT_HEADS names. */
export async function readHeads(needs: Needs, { heads: file }: VerifyAuditOptions): Promise<HeadsRead> {
  if (file !== undefined) return { ...nothingToSay, heads: await readFileOfHeads(file) }
  const { heads: keeper, db, signal } = needs
  if (keeper === undefined) return { heads: undefined, note: withoutHeads, areGone: false }
  const heads = await untilAborted(keeper.read(), signal).catch((error: unknown) => {
    if (signal?.aborted === true || isOfSystem(error)) throw error
    const { message: reason, advice } = explain(error)
    const message = `The heads cannot be read from ${keeper.address}, which AUDIT_HEADS names: ${reason}. ${advice} Or name a copy of the heads with --heads.`
    throw new AppError('store_unavailable', message, { cause: error })
  })
  return { heads, ...(heads.size === 0 ? await whyNone(keeper, db) : nothingToSay) }
}

async function readFileOfHeads(file: string): Promise<Heads> {
  await requireFile(file)
  const heads = await createFileHeadStore(file)
    .read()
    .catch((error: unknown) => {
      throw new WrongUse(`The heads cannot be read from ${file}: ${messageOf(error)}. ${ofHeads}`)
    })
  if (heads.size === 0) throw new WrongUse(`There is no head in ${file}. ${ofHeads}`)
  return heads
}

export async function requireFile(path: string): Promise<void> {
  const isFile = await access(path, constants.R_OK).then(
    async () => !(await stat(path)).isDirectory(),
    () => false,
  )
  if (!isFile) throw new WrongUse(`There is no file ${path} that can be read.`)
}

function isOfSystem(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}

function explain(error: unknown): { message: string; advice: string } {
  if (error instanceof UnreadableHeads) return error.explanation
  return { message: messageOf(error), advice: 'Correct AUDIT_HEADS, or look who changed what lies there.' }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'no reason given'
}

/** No head lies where they should: what the job that keeps them last said of it. */
async function whyNone({ address: shown }: HeadStore, db: Db | undefined): Promise<HeadsNote> {
  const runs = db === undefined ? [] : await listRuns(db)
  const said = runs.filter(({ task }) => task === storeHeadTask).map((run) => describeRun(shown, run))[0]
  if (said !== undefined) return said
  const isShut = isAbsolute(shown) && !(await canCreateIn(dirname(shown)))
  const note = isShut
    ? `No head lies at ${shown}, and this user may make no file there: let the service’s user write there, or correct AUDIT_HEADS.`
    : `No head is kept yet at ${shown}; the first one is within the hour.`
  return { note, areGone: false }
}

function describeRun(
  shown: string,
  { outcome, error, did, endedAt, endedBy, succeededAt }: RunRecord,
): HeadsNote | undefined {
  const nowhere = `No head lies at ${shown}`
  if (outcome === 'failed') {
    const note = `${nowhere}: the service could not keep one (${error ?? 'no reason given'}). Correct that, or AUDIT_HEADS.`
    return { note, areGone: succeededAt !== null }
  }
  const kept = Number(did?.['kept'] ?? 0)
  if (kept === 0) return undefined
  const note = `${nowhere}, though the service (${endedBy ?? 'some instance'}) kept one at ${endedAt?.toISOString()} (seal ${kept}): it lies on that machine, AUDIT_HEADS named another place then, or somebody has removed it. Look there, or name a copy with --heads.`
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

const ofHeads = 'Name a file that AUDIT_HEADS kept, or a copy of one.'
const withoutHeads =
  'No heads were compared, so a history that was cut off, or sealed anew, would not show: set AUDIT_HEADS, or give --heads.'

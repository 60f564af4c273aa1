import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Logger } from 'pino'

import type { Db } from '../../database/connection/client.ts'
import type { ResumableUpload } from '../../database/resumable/resumable-uploads.ts'
import {
  claimUpload,
  releaseClaim,
  renewClaim,
  type UploadClaim,
  wantUpload,
} from '../../database/resumable/upload-claims.ts'
import { AppError } from '../../errors/app-error.ts'
import { outsideOfWork } from '../../logging/spans.ts'
import type { ProcessId } from '../../vocabulary/vocabulary.ts'
import { takenOver } from './growing-blob.ts'
import { isComplete } from './upload-offset.ts'

type Needs = { db: Db; processId: ProcessId; log: Logger }

/** `ended`: aborts when a newer request waits for the claim, or the claim is lost. */
export type HeldClaim = UploadClaim & { ended: AbortSignal }

const renewEveryMs = 1000
const pollEveryMs = 100
/** An older request stores what it received when a newer one comes. Its store may be slow. */
const maxWaitMs = 20_000

/** Reads the upload again; undefined once there is nothing to do. */
type Reread = () => Promise<ResumableUpload | undefined>

/**
 * Does work with the claim of an upload. A request that has it ends first; one that finishes a complete file is waited for.
 * If the process dies, its claim ends with it. Undefined without work: `reread` returned undefined. Throws `conflict`.
 */
export async function withUploadClaim<Result>(
  needs: Needs,
  { upload, reread, signal }: { upload: ResumableUpload; reread: Reread; signal: AbortSignal },
  work: (current: ResumableUpload, claim: HeldClaim) => Promise<Result>,
): Promise<Result | undefined> {
  const claim = newClaim(upload)
  if (!(await waitForClaim(needs, claim, { reread, signal }))) return undefined
  return await whileClaimed(needs, { claim, reread }, work)
}

/** As `withUploadClaim`, without waiting: undefined also while another request has the claim. */
export async function withFreeClaim<Result>(
  needs: Needs,
  { upload, reread }: { upload: ResumableUpload; reread: Reread },
  work: (current: ResumableUpload, claim: HeldClaim) => Promise<Result>,
): Promise<Result | undefined> {
  const claim = newClaim(upload)
  if (!(await claimUpload(needs.db, needs.processId, claim))) return undefined
  return await whileClaimed(needs, { claim, reread }, work)
}

function newClaim({ id, blobId }: ResumableUpload): UploadClaim {
  return { uploadId: id, blobId, claimId: randomUUID() }
}

async function whileClaimed<Result>(
  needs: Needs,
  { claim, reread }: { claim: UploadClaim; reread: Reread },
  work: (current: ResumableUpload, claim: HeldClaim) => Promise<Result>,
): Promise<Result | undefined> {
  const lease = keepClaim(needs, claim)
  try {
    const current = await reread()
    return current && (await work(current, { ...claim, ended: lease.ended }))
  } finally {
    await lease.end()
  }
}

async function waitForClaim(
  { db, processId }: Needs,
  claim: UploadClaim,
  { reread, signal }: { reread: Reread; signal: AbortSignal },
): Promise<boolean> {
  const startedAt = performance.now()
  for (;;) {
    if (await claimUpload(db, processId, claim)) return true
    const current = await reread()
    if (current === undefined) return false
    if (!isComplete(current)) {
      await wantUpload(db, claim)
      if (performance.now() - startedAt > maxWaitMs) throw takenOver()
    }
    await sleep(pollEveryMs, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}

function keepClaim({ db, log }: Needs, claim: UploadClaim) {
  const ending = new AbortController()
  let renewing: Promise<void> = Promise.resolve()
  const renew = async () => {
    try {
      if ((await renewClaim(db, claim)) !== 'kept') ending.abort(takenOver())
    } catch (error) {
      log.warn({ event: 'claim_not_renewed', err: error }, 'claim of an upload could not be renewed')
    }
  }
  const timer = outsideOfWork(() => setInterval(() => void (renewing = renew()), renewEveryMs))
  return {
    ended: ending.signal,
    async end() {
      clearInterval(timer)
      await renewing
      await releaseClaim(db, claim).catch((error: unknown) =>
        // It expires by itself.
        log.warn({ event: 'claim_not_released', err: error }, 'claim of an upload could not be released'),
      )
    },
  }
}

/** Ends the request that is at work on an upload, so that its offset does not grow any more. It may be slow to end. */
export async function endEarlierRequest(
  needs: Needs,
  upload: ResumableUpload,
  { reread, signal }: { reread: Reread; signal: AbortSignal },
): Promise<ResumableUpload | undefined> {
  const claim = newClaim(upload)
  const startedAt = performance.now()
  let current: ResumableUpload | undefined = upload
  while (current?.isClaimed === true && !isComplete(current) && performance.now() - startedAt < maxWaitMs) {
    await wantUpload(needs.db, claim)
    await sleep(pollEveryMs, undefined, { signal }).catch(() => signal.throwIfAborted())
    current = await reread()
  }
  return current
}

export function noSuchUpload(): AppError {
  return new AppError('not_found', 'There is no such upload in this firm, or it has expired. Begin a new one.')
}

import { setTimeout as wait } from 'node:timers/promises'

import type { Stores } from '../documents/stores/stores.ts'
import { isTransient, createS3Wait, type Patience } from '../documents/stores/wait-for-s3.ts'
import { hasCode } from '../errors/app-error.ts'
import { type BackupStore, BackupStoreError, wrapBackupStore } from '../storage/backup-store/backup-store.ts'
import { StoreError } from '../storage/file-store.ts'
import { S3Error } from '../storage/s3/requests/s3-operation.ts'

/** A place that does not fail because it, or a store, did not answer for a moment. What stays away is a `RetriesExhausted`. */
export type RetryingStore = BackupStore & {
  /** Work that may be begun anew: on stores, and on what streams out of the place. */
  retry: <Result>(work: () => Promise<Result>) => Promise<Result>
}

export type RetryOptions = {
  signal: AbortSignal
  /** After the first try; after each further one so much longer. */
  pauseMs?: number
}

export type RetryAndWaitOptions = RetryOptions & Patience

/** How long S3 is waited for, and how long the pauses are. */
export type WaitTimes = { patienceMs: number; pauseMs?: number }

/** Of waits between which nothing moved together: less than the quarter of an hour after which such a backup is taken for dead. */
export const defaultWaitTimes: WaitTimes = { patienceMs: 10 * 60_000 }

const maxTries = 5
const defaultPauseMs = 2000

/** `stores`: those of papers; when S3 is away that holds them, it is waited for as long as the patience says. */
export function createRetryingStore(
  backupStore: BackupStore,
  { signal, pauseMs = defaultPauseMs }: RetryOptions,
  waiting?: Omit<Patience, 'signal'> & { stores: Stores },
): RetryingStore {
  const s3IsBack = waiting && createS3Wait(waiting.stores, { ...waiting, signal })
  const shouldRetry = async (failed: StoreError, tries: number) => {
    if (tries === maxTries) return false
    if (s3IsBack !== undefined && isTransient(waiting?.stores.s3?.outage())) return s3IsBack()
    if (!isTransientFailure(failed)) return false
    await wait(tries * pauseMs, undefined, { signal }).catch(() => undefined)
    return true
  }
  const retry = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof StoreError) || error.code !== 'unavailable') throw error
        // Why the work is to end is what whoever hears of it is to be told.
        signal.throwIfAborted()
        const goesOn = await shouldRetry(error, tries)
        signal.throwIfAborted()
        if (!goesOn) throw new RetriesExhausted(error)
      }
    }
  }
  return { ...wrapBackupStore(backupStore, retry), retry }
}

/** What somebody has to change first, such as a right or a name, does not come by waiting. */
function isTransientFailure(error: StoreError): boolean {
  const cause = error instanceof BackupStoreError ? error.cause : error
  if (!(cause instanceof S3Error)) return !hasCode(cause.cause, 'EACCES', 'EPERM', 'EROFS')
  const { trouble } = cause.failure
  // A role's credentials fail for a moment now and then.
  return trouble === undefined || trouble === 'no_credentials' || isTransient({ trouble })
}

/** A store, or the place where backups are kept, was asked again and again in vain. */
export class RetriesExhausted extends Error {
  override readonly name = 'RetriesExhausted'
  /** What it said last: of the place a `BackupStoreError`. */
  override readonly cause: StoreError

  constructor(cause: StoreError) {
    super(`asked again and again in vain: ${cause.message}`)
    this.cause = cause
  }
}

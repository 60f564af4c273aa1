import { setTimeout as wait } from 'node:timers/promises'

import type { Stores } from '../documents/stores/reachable-stores.ts'
import { isTransient, createS3Wait, type Patience } from '../documents/stores/wait-for-s3.ts'
import { hasCode } from '../errors/app-error.ts'
import { type BackupStore, BackupStoreError, wrapBackupStore } from '../storage/backup-store/backup-store.ts'
import { StoreError } from '../storage/file-store.ts'
import { S3Error } from '../storage/s3/requests/s3-operation.ts'

/** A backup store that retries when it, or a file store, does not answer. Throws `RetriesExhausted` in the end. */
export type RetryingStore = BackupStore & {
  /** Repeats work on stores and on streams of the backup store. */
  retry: <Result>(work: () => Promise<Result>) => Promise<Result>
}

export type RetryOptions = {
  signal: AbortSignal
  /** The pause after the first attempt; each further pause is longer by as much. */
  pauseMs?: number
}

export type RetryAndWaitOptions = RetryOptions & Patience

/** How long to wait for S3, and the pauses. */
export type WaitTimes = { patienceMs: number; pauseMs?: number }

/** Less than the 15 minutes without progress after which a backup counts as dead. */
export const defaultWaitTimes: WaitTimes = { patienceMs: 10 * 60_000 }

const maxTries = 5
const defaultPauseMs = 2000

/** `waiting`: also waits for the S3 of `stores` during an outage, within the given patience. */
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
        // The reason of an abort is more useful than the store's error.
        signal.throwIfAborted()
        const retries = await shouldRetry(error, tries)
        signal.throwIfAborted()
        if (!retries) throw new RetriesExhausted(error)
      }
    }
  }
  return { ...wrapBackupStore(backupStore, retry), retry }
}

/** False for failures that somebody has to correct, such as a missing permission. */
function isTransientFailure(error: StoreError): boolean {
  const cause = error instanceof BackupStoreError ? error.cause : error
  if (!(cause instanceof S3Error)) return !hasCode(cause.cause, 'EACCES', 'EPERM', 'EROFS')
  const { trouble } = cause.failure
  // The credentials of a role can fail for a moment.
  return trouble === undefined || trouble === 'no_credentials' || isTransient({ trouble })
}

/** All attempts on a store or the backup store failed. */
export class RetriesExhausted extends Error {
  override readonly name = 'RetriesExhausted'
  /** The last failure: a `BackupStoreError` for the backup store. */
  override readonly cause: StoreError

  constructor(cause: StoreError) {
    super(`all attempts failed: ${cause.message}`)
    this.cause = cause
  }
}

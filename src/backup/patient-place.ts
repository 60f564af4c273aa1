import { setTimeout as wait } from 'node:timers/promises'

import type { Stores } from '../documents/stores.ts'
import { isPassing, makeWaitForS3, type Patience } from '../documents/wait-for-s3.ts'
import type { BackupPlace } from '../storage/backup-place/backup-place.ts'
import { StoreError } from '../storage/file-store.ts'
import { GaveUp } from './gave-up.ts'

/** A place that does not fail because it, or a store, did not answer for a moment. What stays away is a `GaveUp`. */
export type PatientPlace = BackupPlace & {
  /** Work that may be begun anew: on stores, and on what streams out of the place. */
  patiently: <Result>(work: () => Promise<Result>) => Promise<Result>
}

export type Trying = {
  signal: AbortSignal
  /** After the first try; after each further one so much longer. */
  pauseMs?: number
}

/** How work of hours waits, and for what. */
export type BackupPatience = Trying & Patience

/** Less than the quarter of an hour after which a backup that did not move is taken for dead. */
export const patienceMs = 10 * 60_000

const mostTries = 5
const usualPauseMs = 2000

/** `stores`: those of papers; when S3 is away that holds them, it is waited for as long as the patience says. */
export function makePatient(
  place: BackupPlace,
  { signal, pauseMs = usualPauseMs }: Trying,
  waiting?: Omit<Patience, 'signal'> & { stores: Stores },
): PatientPlace {
  const s3IsBack = waiting && makeWaitForS3(waiting.stores, { ...waiting, signal })
  const waitFor = async (error: StoreError, tries: number, of: string | undefined) => {
    if (signal.aborted) throw error
    if (tries === mostTries) throw new GaveUp(error, of)
    if (s3IsBack === undefined || !isPassing(waiting?.stores.s3?.outage()))
      await wait(tries * pauseMs, undefined, { signal })
    else if (!(await s3IsBack())) throw signal.aborted ? error : new GaveUp(error, undefined)
  }
  const tryAgain = async <Result>(work: () => Promise<Result>, of?: string): Promise<Result> => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof StoreError) || error.code !== 'unavailable') throw error
        await waitFor(error, tries, of)
      }
    }
  }
  const { shown } = place
  return {
    shown,
    patiently: async (work) => tryAgain(work),
    write: async (name, content) => tryAgain(async () => place.write(name, content), shown),
    read: async (name) => tryAgain(async () => place.read(name), shown),
    sizeOf: async (name) => tryAgain(async () => place.sizeOf(name), shown),
    list: async (folder) => tryAgain(async () => place.list(folder), shown),
    remove: async (name) => tryAgain(async () => place.remove(name), shown),
    rename: async (from, to) => tryAgain(async () => place.rename(from, to), shown),
    close: () => place.close(),
  }
}

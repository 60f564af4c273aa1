import type { Logger } from 'pino'

import type { Db } from '../database/client.ts'
import { claimStore } from '../documents/claim-store.ts'
import { leaveWrongBucket } from '../documents/leave-wrong-bucket.ts'
import { nameOf, storesHere } from '../documents/stores-here.ts'
import type { Stores } from '../documents/stores.ts'
import { isS3Out } from '../storage/s3-operation.ts'

type Needs = { db: Db; stores: Stores; log: Logger }

/**
 * Lets each store say that it is ours, as soon as it can be reached: a function to be called now and then, which has
 * nothing to do once each said so. One that says it is another installation's alarms, once.
 */
export function claimingStores({ db, stores, log }: Needs): () => Promise<void> {
  const waiting = new Set(storesHere(stores))
  return async () => {
    for (const here of waiting) {
      try {
        if (here.store === 's3') await leaveWrongBucket({ db, stores })
        if (here.store === 's3' && here.files.outage() !== undefined) continue
        const owner = await claimStore({ db, stores }, here)
        waiting.delete(here)
        if (owner === 'anothers')
          log.error(
            { event: 'store_of_another_installation', store: here.store },
            `${nameOf(here)} belongs to another installation: its paniq-documents.json says so`,
          )
      } catch (error) {
        // The call itself has told, and the breaker: it is asked again.
        if (isS3Out(error)) continue
        log.warn({ event: 'claim_failed', store: here.store, err: error }, 'this store could not be asked whose it is')
      }
    }
  }
}

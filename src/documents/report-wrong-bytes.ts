import type { Logger } from 'pino'

import type { Db } from '../database/client.ts'
import type { EventActor } from '../database/events.ts'
import { markWrongBytes, type WrongState } from '../database/mark-wrong-bytes.ts'
import type { Place } from '../database/uploads.ts'
import type { Metrics } from '../metrics.ts'

export type ReportNeeds = { db: Db; log: Logger; metrics: Pick<Metrics, 'wrongBytes'> }

/**
 * For whoever finds bytes missing or wrong: each version of them is marked, and answers `gone` from now on; the audit
 * trail, the log and a figure tell it once. Only for a store that was asked and answered. False when no version names
 * these bytes any more, so that nothing is lost.
 */
export async function reportWrongBytes(
  { db, log, metrics }: ReportNeeds,
  actor: EventActor,
  place: Place,
  state: WrongState,
): Promise<boolean> {
  const versions = await markWrongBytes(db, actor, place, state)
  for (const { firmId, documentId, version } of versions.filter(({ isMarkedNow }) => isMarkedNow)) {
    metrics.wrongBytes.inc({ state })
    log.error(
      {
        event: `bytes_${state}`,
        firm_id: firmId,
        document_id: documentId,
        version,
        store: place.store,
        store_id: place.storeId,
        key: place.key,
      },
      state === 'missing' ? 'the bytes of a document are missing' : 'the bytes of a document are not those stored',
    )
  }
  return versions.length > 0
}

import type { Logger } from 'pino'

import type { Config } from '../../config/load-config.ts'
import type { Db } from '../../database/connection/client.ts'
import { disposeDocument, listFilesWithoutStoreId } from '../../database/purge/disposals.ts'
import type { EventActor } from '../../database/audit/events.ts'
import { lockFirmHolds } from '../../database/purge/legal-holds.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { isPermissionDenied } from '../../database/connection/postgres-errors.ts'
import {
  findPurgeState,
  listPurgeable,
  type PurgeCandidate,
  type PurgeCursor,
  type PurgeScope,
} from '../../database/purge/purge-candidates.ts'
import { type PurgeState, type PurgeTimes } from '../../database/purge/purge-protections.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import { isReadableKey } from '../../storage/storage-key.ts'
import type { Clock } from '../../vocabulary/vocabulary.ts'
import type { Stores } from '../stores/reachable-stores.ts'
import { purgeCutoff } from '../trash/trash-retention.ts'
import { lockAndFollow } from '../../database/documents/documents.ts'

export type PurgeResult = { document: PurgeCandidate } & (
  | { outcome: PurgeOutcome }
  /** The database or a store could not be asked. */
  | { outcome: 'failed'; error: unknown }
)

type PurgeRun = PurgeOptions & {
  scope: PurgeScope
  signal: AbortSignal
  onResult: (settled: PurgeResult) => void
}

/**
 * Purges every due document of the trash, oldest first. Each document is one transaction, so a killed run leaves it whole
 * or purged, and the next run continues. Several may run at once. False if the signal ended it. Throws if the database's
 * user lacks a right.
 */
export async function purgeTrash(needs: PurgeNeeds, actor: EventActor, run: PurgeRun): Promise<boolean> {
  for await (const document of walkTrash(needs.db, run.times, run.scope)) {
    if (run.signal.aborted) return false
    run.onResult(await purgeOne(needs, actor, document, run))
  }
  return true
}

async function purgeOne(
  needs: PurgeNeeds,
  actor: EventActor,
  document: PurgeCandidate,
  options: PurgeOptions,
): Promise<PurgeResult> {
  if (document.state !== 'due') return { document, outcome: document.state }
  try {
    return { document, outcome: await purgeDocument(needs, actor, document, options) }
  } catch (error) {
    if (isPermissionDenied(error)) throw error
    return { document, outcome: 'failed', error }
  }
}

const pageSize = 200

/** The documents of the trash. Memory holds one page. */
export async function* walkTrash(
  db: Db,
  times: PurgeTimes,
  scope: PurgeScope,
): AsyncGenerator<PurgeCandidate, undefined> {
  let after: PurgeCursor | undefined
  do {
    const page: PurgeCandidate[] = await listPurgeable(db, times, scope, { after, limit: pageSize })
    yield* page
    after = page.length < pageSize ? undefined : page.at(-1)
  } while (after !== undefined)
  return undefined
}

type PurgeNeeds = { db: Db; stores: Stores }

type PurgeOptions = {
  times: PurgeTimes
  why: string
  /** Who purges it, for the record. */
  by: string
  /** When its files may be removed. */
  dueAt: Date
}

/** `purged`, or what prevents it. `not_here`: a file of the platform, whose row names no disk, is not on this one. */
type PurgeOutcome = 'purged' | 'not_here' | 'missing' | Exclude<PurgeState, 'due'>

/**
 * Purges one document: one transaction deletes its rows, records the purge and makes its blobs leave. The collector removes
 * the files after `dueAt`, so if the process dies after the transaction nothing is left behind.
 */
async function purgeDocument(
  needs: PurgeNeeds,
  actor: EventActor,
  document: Pick<PurgeCandidate, 'firmId' | 'documentId'>,
  { times, why, by, dueAt }: PurgeOptions,
): Promise<PurgeOutcome> {
  const { local } = needs.stores
  for (const key of await listFilesWithoutStoreId(needs.db, document))
    if (isReadableKey(key) && (await local.stat(key)) === undefined) return 'not_here'

  return inTransaction(needs.db, async (trx) => {
    await lockFirmHolds(trx, document.firmId, 'shared')
    await lockAndFollow(trx, document)
    const state = await findPurgeState(trx, document, times)
    if (state !== 'due') return state ?? 'missing'
    await disposeDocument(trx, actor, document, { why, by, dueAt, localStoreId: local.storeId })
    return 'purged'
  })
}

export type PurgeDailyNeeds = PurgeNeeds & {
  log: Logger
  metrics: Pick<Metrics, 'purgedDocuments'>
  config: Pick<Config, 'trashDays'>
  now: Clock
  /** How long the files stay after the purge. */
  graceMs: number
}

export type PurgeCounts = Partial<Record<PurgeResult['outcome'], number>>

/** Purges what has been in the trash for TRASH_DAYS. The collector removes the files after their grace. */
export async function purgeDaily(
  { config, metrics, log, now, graceMs, ...needs }: PurgeDailyNeeds,
  actor: EventActor,
  signal: AbortSignal,
): Promise<PurgeCounts> {
  const at = now()
  const counts: PurgeCounts = {}
  await purgeTrash(needs, actor, {
    times: { now: at, before: purgeCutoff(at, config.trashDays) },
    scope: { documentIds: undefined },
    why: `in the trash for ${config.trashDays} days`,
    by: 'the daily job',
    dueAt: new Date(at.getTime() + graceMs),
    signal,
    onResult(result) {
      const { outcome, document } = result
      counts[outcome] = (counts[outcome] ?? 0) + 1
      if (outcome === 'purged') metrics.purgedDocuments.inc()
      if (result.outcome !== 'failed') return
      const whose = { document_id: document.documentId, firm_id: document.firmId }
      log.warn(
        { event: 'purge_failed', ...whose, err: result.error },
        'document could not be purged, trying again tomorrow',
      )
    },
  })
  return counts
}

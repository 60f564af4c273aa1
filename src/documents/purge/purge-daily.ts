import type { Logger } from 'pino'

import type { Config } from '../../config.ts'
import type { EventActor } from '../../database/events.ts'
import type { Metrics } from '../../metrics.ts'
import type { Clock } from '../../vocabulary.ts'
import type { PurgeNeeds } from './purge-document.ts'
import { purgeTrash, type PurgeSettled } from './purge-trash.ts'

export type PurgeDailyNeeds = PurgeNeeds & {
  log: Logger
  metrics: Pick<Metrics, 'purgedDocuments'>
  config: Pick<Config, 'trashDays'>
  now: Clock
  /** How long bytes stay that no row names any more. */
  graceMs: number
}

export type PurgeCounts = Partial<Record<PurgeSettled['outcome'], number>>

const dayMs = 24 * 60 * 60 * 1000

/** Destroys what has been in the trash for long enough; its bytes go after their grace, by the collector. */
export async function purgeDaily(
  { config, metrics, log, now, graceMs, ...needs }: PurgeDailyNeeds,
  actor: EventActor,
  signal: AbortSignal,
): Promise<PurgeCounts> {
  const at = now()
  const counts: PurgeCounts = {}
  await purgeTrash(needs, actor, {
    times: { now: at, before: new Date(at.getTime() - config.trashDays * dayMs) },
    scope: { documentIds: undefined },
    why: `in the trash for ${config.trashDays} days`,
    by: 'the daily job',
    dueAt: new Date(at.getTime() + graceMs),
    signal,
    onSettled(settled) {
      const { outcome, document } = settled
      counts[outcome] = (counts[outcome] ?? 0) + 1
      if (outcome === 'purged') metrics.purgedDocuments.inc()
      if (settled.outcome !== 'failed') return
      const whose = { document_id: document.documentId, firm_id: document.firmId }
      log.warn(
        { event: 'purge_failed', ...whose, err: settled.error },
        'a document could not be purged; tomorrow again',
      )
    },
  })
  return counts
}

import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import type { Logger } from 'pino'
import { z } from 'zod'

import type { Db, PoolCounts } from '../../database/client.ts'
import { countRows } from '../../database/count-rows.ts'
import { findLastVerification } from '../../database/verifications.ts'
import type { Stores } from '../../documents/stores.ts'
import type { Metrics } from '../../metrics.ts'
import type { ByteBudget } from '../../storage/byte-budget.ts'
import type { Clock } from '../../vocabulary.ts'
import { makeProbe, type Probe } from '../probe.ts'

export type MetricsRoutesNeeds = {
  metrics: Metrics
  db: Db
  log: Logger
  budget: ByteBudget
  stores: Stores
  now: Clock
  countConnections(): PoolCounts
}

/** What was counted, in the text format of Prometheus. What each name means stands in docs/metrics.md. */
export function metricsRoutes(needs: MetricsRoutesNeeds): FastifyPluginAsyncZod {
  const { metrics, log } = needs
  const countAgain = makeProbe(
    () => lookIntoDatabase(needs),
    (error) => log.warn({ event: 'metrics_incomplete', err: error }, 'the database could not be looked into'),
  )
  return async (server) => {
    server.get(
      '/metrics',
      {
        config: { access: 'public', isProbe: true },
        schema: {
          tags: ['operations'],
          summary: 'Figures for Prometheus',
          response: { 200: { description: 'Figures', content: { 'text/plain': { schema: z.string() } } } },
        },
      },
      async (_request, reply) => {
        await measureLevels(needs, countAgain)
        return reply
          .header('cache-control', 'no-store')
          .type(metrics.registry.contentType)
          .send(await metrics.registry.metrics())
      },
    )
  }
}

async function measureLevels(needs: MetricsRoutesNeeds, countAgain: Probe): Promise<void> {
  const { metrics, budget, stores } = needs
  if (stores.s3 !== undefined) metrics.s3Available.set(stores.s3.outage() === undefined ? 1 : 0)
  else metrics.s3Available.remove()
  const { inUse, idle, waiting } = needs.countConnections()
  metrics.databaseConnections.set({ state: 'in_use' }, inUse)
  metrics.databaseConnections.set({ state: 'idle' }, idle)
  metrics.databaseConnections.set({ state: 'waiting' }, waiting)
  metrics.uploadMemory.set({ kind: 'used' }, budget.totalBytes - budget.free())
  metrics.uploadMemory.set({ kind: 'limit' }, budget.totalBytes)

  const isAnswering = await countAgain()
  metrics.databaseUp.set(isAnswering ? 1 : 0)
  // An old count would look like a present one.
  if (isAnswering) return
  metrics.openUploads.remove()
  metrics.fallbackFiles.remove()
  metrics.fallbackOldest.remove()
  metrics.eventsWithoutMonth.remove()
  metrics.verifiedAt.remove()
  metrics.verifyFindings.reset()
  metrics.jobs.reset()
}

async function lookIntoDatabase(needs: MetricsRoutesNeeds): Promise<void> {
  const { metrics, db, now } = needs
  const { openUploads, fallbackFiles, oldestFallbackAt, eventsWithoutMonth, jobs } = await countRows(db)
  metrics.openUploads.set(openUploads)
  metrics.fallbackFiles.set(fallbackFiles)
  const ageMs = oldestFallbackAt === null ? 0 : now().getTime() - oldestFallbackAt.getTime()
  metrics.fallbackOldest.set(Math.max(0, ageMs / 1000))
  metrics.eventsWithoutMonth.set(eventsWithoutMonth)
  metrics.jobs.reset()
  for (const { queue, state, jobs: count } of jobs) metrics.jobs.set({ queue, state }, count)
  await showLastVerification(needs)
}

async function showLastVerification({ metrics, db }: MetricsRoutesNeeds): Promise<void> {
  const last = await findLastVerification(db)
  if (last === undefined) return metrics.verifiedAt.remove()
  metrics.verifiedAt.set(last.finishedAt.getTime() / 1000)
  for (const [kind, count] of Object.entries(last.findings)) metrics.verifyFindings.set({ kind }, count)
}

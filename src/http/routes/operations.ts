import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import {
  healthShape,
  historyShape,
  type HistoryShape,
  readinessAnswer,
  type JobStateShape,
  type ReadinessShape,
  statusShape,
  type StatusShape,
} from '../../contract/operations.ts'
import type { HistoryHour } from '../../database/work/hourly-history.ts'
import type { Waiting } from '../../database/work/count-rows.ts'
import type { LastRun, WorkState } from '../../operations/judge-work.ts'
import { createGaugeReader, type GaugeNeeds, sumPlatformRows } from '../../operations/measure-gauges.ts'
import { AppError } from '../../errors/app-error.ts'
import { isOperator } from '../requests/operator-access.ts'
import type { Readiness } from '../../operations/readiness.ts'
import { readHistory, readStatus, type ServiceStatus, type StatusNeeds } from '../../operations/service-status.ts'

/** `metricsToken`: `METRICS_TOKEN`. */
type Needs = { checkReadiness: () => Promise<ReadinessShape>; metricsToken: string | undefined }

/** Liveness and readiness, for load balancers. */
export function healthRoutes({ checkReadiness, metricsToken }: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    server.get(
      '/healthz',
      {
        config: { access: 'public', isProbe: true },
        schema: { tags: ['operations'], summary: 'Get liveness', response: { 200: healthShape } },
      },
      async () => ({ status: 'ok' as const }),
    )

    server.get(
      '/readyz',
      {
        config: { access: 'public', isProbe: true },
        schema: {
          tags: ['operations'],
          summary: 'Get readiness: the database, each store, the scanner and the jobs',
          description: '`checks` and `jobs` only from this machine, or with METRICS_TOKEN as a bearer token.',
          response: { 200: readinessAnswer, 503: readinessAnswer },
        },
      },
      async (request, reply) => {
        const readiness = await checkReadiness()
        const isTakingRequests = readiness.status === 'ready' || readiness.status === 'degraded'
        reply.code(isTakingRequests ? 200 : 503)
        return reply.send(isOperator(request, metricsToken) ? readiness : { status: readiness.status })
      },
    )
  }
}

/** The start of this process. */
const processStart = new Date(Date.now() - process.uptime() * 1000)

type StatusRoutesNeeds = StatusNeeds & {
  instance: string
  version: string
  checkReadiness: () => Promise<Readiness>
}

/** The state of the service, for administrators of the platform. */
export function statusRoutes(needs: StatusRoutesNeeds): FastifyPluginAsyncZod {
  return async (server) => {
    server.get(
      '/admin/status',
      {
        config: { access: 'administrator', scope: 'operations:read' },
        schema: {
          tags: ['operations'],
          summary: 'Get the state of jobs, stores, scanner, mail, trash, seals and tables',
          description:
            'Facts from the database are the same at every instance; the others belong to the instance that answers.',
          response: { 200: statusShape },
        },
      },
      async ({ actor }) => {
        const status = await readStatus(needs, actor)
        const readiness = await needs.checkReadiness()
        return presentStatus(status, readiness, needs)
      },
    )

    server.get(
      '/admin/history',
      {
        config: { access: 'administrator', scope: 'operations:read' },
        schema: {
          tags: ['operations'],
          summary: 'Get uploads, errors, fallback and storage of each hour of the last 30 days',
          response: { 200: historyShape },
        },
      },
      async ({ actor }) => ({ hours: (await readHistory(needs, actor)).map(presentHour) }),
    )
  }
}

function presentHour(each: HistoryHour): HistoryShape['hours'][number] {
  return {
    hour: each.hour.toISOString(),
    uploads: each.uploads,
    upload_bytes: each.uploadBytes,
    errors: each.errors,
    fallback_files: each.fallbackFiles,
    stored_bytes: each.storedBytes,
  }
}

function presentStatus(
  status: ServiceStatus,
  { status: readiness, checks }: Readiness,
  { instance, version }: Pick<StatusRoutesNeeds, 'instance' | 'version'>,
): StatusShape {
  const { rows, verification, migrations } = status
  return {
    looked_at: status.at.toISOString(),
    instance,
    version,
    started_at: processStart.toISOString(),
    status: readiness,
    checks,
    jobs: status.work.map(presentJob),
    stores: presentStores(status),
    scanner: presentScanner(status),
    scans: {
      waiting: presentWaiting(rows.scansWaiting),
      infected: rows.infected.count,
    },
    mail: {
      is_on: status.mailIsOn,
      waiting: presentWaiting(rows.mailsWaiting),
      failed: rows.mailsFailed.count,
      failed_oldest_seconds: Math.round(rows.mailsFailed.oldestSeconds),
    },
    webhooks: {
      waiting: presentWaiting(rows.webhooksWaiting),
      disabled: rows.webhooksDisabled.count,
      disabled_oldest_seconds: Math.round(rows.webhooksDisabled.oldestSeconds),
    },
    trash: {
      documents: presentWaiting(rows.inTrash),
      holds_on_firms: rows.heldFirms.count,
      holds_on_documents: rows.heldDocuments.count,
    },
    audit: {
      last_seal:
        status.seal === undefined
          ? null
          : { number: status.seal.number, sealed_at: status.seal.sealedAt.toISOString() },
      are_heads_kept: status.areHeadsKept,
      events_without_month: rows.eventsWithoutMonth.count,
    },
    verification: verification === undefined ? null : presentVerification(verification),
    database: {
      last_migration: migrations.last,
      migrations: migrations.count,
      migrated_at: migrations.since.toISOString(),
      platform_rows_waiting: presentWaiting(sumPlatformRows(rows)),
    },
  }
}

function presentJob(work: WorkState): JobStateShape {
  return {
    name: work.name,
    does: work.description,
    by: work.by,
    disk: work.disk,
    schedule: work.schedule,
    running_since: timeOrNull(work.runningSince),
    ...presentLast(work.last),
    last_succeeded_at: timeOrNull(work.succeededAt),
    next_run_at: timeOrNull(work.nextAt),
    is_gone: work.isGone,
    overdue_seconds: work.overdueSeconds,
  }
}

const neverRan = { startedAt: null, endedAt: null, instance: null, outcome: null, error: null, did: null }

function presentLast(last: LastRun | null) {
  const { startedAt, endedAt, instance, outcome, error, did } = last ?? neverRan
  return {
    last_started_at: timeOrNull(startedAt),
    last_ended_at: timeOrNull(endedAt),
    last_instance: instance,
    last_outcome: outcome,
    last_error: error,
    last_did: did ?? {},
  }
}

function presentStores({ stores, rows, unfinishedUploads }: ServiceStatus): StatusShape['stores'] {
  const { outage } = stores
  const s3 = {
    is_used: outage === undefined,
    left_alone_since: timeOrNull(outage?.since),
    trouble: outage?.trouble ?? null,
    s3_code: outage?.s3Code ?? null,
  }
  return {
    new_files_go_to: stores.target,
    s3: stores.hasS3 ? s3 : null,
    local: { store_id: stores.localStoreId },
    waiting_for_s3: presentWaiting(rows.fallback),
    open_uploads: presentWaiting(rows.openUploads),
    resumable_uploads: {
      ...presentWaiting(unfinishedUploads),
      reserved_bytes: unfinishedUploads.reservedBytes,
    },
    open_moves: presentWaiting(rows.openMoves),
    removals_due: presentWaiting(rows.dueRemovals),
    quarantined_files: rows.quarantined.count,
  }
}

function presentScanner({ scanner: { isSet, identity } }: ServiceStatus): StatusShape['scanner'] {
  if (!isSet) return null
  return {
    is_reachable: identity !== undefined,
    name: identity?.name ?? null,
    signatures: identity?.signatures ?? null,
  }
}

function presentVerification(last: NonNullable<ServiceStatus['verification']>): StatusShape['verification'] {
  const { finishedAt, isComplete, files, findings } = last
  return { finished_at: finishedAt.toISOString(), is_complete: isComplete, files, findings }
}

function presentWaiting({ count, oldestSeconds }: Waiting) {
  return { count, oldest_seconds: Math.round(oldestSeconds) }
}

function timeOrNull(moment: Date | null | undefined): string | null {
  return moment?.toISOString() ?? null
}

/** Metrics in the text format of Prometheus; docs/metrics.md explains each one. */
export function metricsRoutes(needs: GaugeNeeds & { metricsToken: string | undefined }): FastifyPluginAsyncZod {
  const { registry } = needs.metrics
  const readGauges = createGaugeReader(needs)
  return async (server) => {
    server.get(
      '/metrics',
      {
        config: { access: 'public', isProbe: true, errors: ['unauthenticated'] },
        schema: {
          tags: ['operations'],
          summary: 'Get metrics for Prometheus',
          description: 'Only from this machine, or with METRICS_TOKEN as a bearer token.',
          response: { 200: { description: 'Metrics', content: { 'text/plain': { schema: z.string() } } } },
        },
      },
      async (request, reply) => {
        if (!isOperator(request, needs.metricsToken))
          throw new AppError(
            'unauthenticated',
            'Metrics are for operators. Read them from this machine, or set METRICS_TOKEN and send it as "Authorization: Bearer …".',
          )
        await readGauges()
        return reply.type(registry.contentType).send(await registry.metrics())
      },
    )
  }
}

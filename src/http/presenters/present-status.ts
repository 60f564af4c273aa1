import type { JobStateShape, ReadinessShape, StatusShape } from '../../contract/operations.ts'
import type { Waiting } from '../../database/work/count-rows.ts'
import type { LastRun, WorkState } from '../../operations/judge-work.ts'
import type { ServiceStatus } from '../../operations/service-status.ts'
import { sumPlatformRows } from '../../operations/measure-gauges.ts'

type Answering = { instance: string; version: string }

export function presentStatus(
  status: ServiceStatus,
  { status: readiness, checks }: ReadinessShape,
  { instance, version }: Answering,
): StatusShape {
  const { rows, verification, migrations } = status
  return {
    looked_at: status.at.toISOString(),
    instance,
    version,
    status: readiness,
    checks,
    jobs: status.work.map(presentJob),
    stores: presentStores(status),
    scanner: presentScanner(status),
    scans: {
      waiting: presentWaiting(rows.scansWaiting),
      infected: rows.infected.count,
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

function presentStores({ stores, rows }: ServiceStatus): StatusShape['stores'] {
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

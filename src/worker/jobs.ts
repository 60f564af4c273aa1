import { randomUUID } from 'node:crypto'

import { sealTrail } from '../audit/seal-trail.ts'
import { createEventMonths, type EventActor, systemActor } from '../database/audit/events.ts'
import { comparePlatform, restartComparison, followNoted } from '../database/schema/follow-platform.ts'
import { deleteExpiredIdempotencyKeys } from '../database/blobs/idempotency.ts'
import { aggregateUsage } from '../database/people/quotas.ts'
import { deleteFullBuckets } from '../database/people/rate-limits.ts'
import { deleteDisksBefore } from '../database/work/job-runs.ts'
import { removeExpiredSessions } from '../database/people/sessions.ts'
import { removeFailuresBefore } from '../database/people/login-lockout.ts'
import { holdObjects } from '../documents/purge/disposal.ts'
import { purgeDaily, type PurgeDailyNeeds } from '../documents/purge/purge-trash.ts'
import { scanStored, type ScanStoredNeeds } from '../documents/scanning/scan-stored.ts'
import { reachableStores } from '../documents/stores/stores.ts'
import { fillHashes } from '../documents/verifying/check-versions.ts'
import { dailyShare, countUnresolved, planVerification, type VerifyNeeds } from '../documents/verifying/verification.ts'
import { verify } from '../documents/verifying/verify.ts'
import { type Tracing, logContext } from '../logging/spans.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { type HeadStore, storeHeadTask } from '../audit/seal-heads.ts'
import { readClock } from '../database/connection/client.ts'
import { findLastSeal } from '../database/audit/trail.ts'

/** What all jobs together need. */
export type JobNeeds = VerifyNeeds &
  ScanStoredNeeds &
  PurgeDailyNeeds & {
    metrics: Pick<Metrics, 'jobSeconds'>
    /** Which process this is. */
    instance: string
    tracing: Tracing | undefined
    /** Undefined: nobody keeps heads of the audit trail. */
    heads: HeadStore | undefined
  }

/** One kind of background work. It may run twice, and is written so that the second run finds nothing to do. */
export type Job = {
  name: string
  /** In a sentence, for whoever looks after the service. */
  description: string
  /** When it is due, as a cron line in UTC. Beside that it is due at every start, unless `isDueAtStart` is false. */
  schedule: string
  isDueAtStart?: boolean
  /** How long it may take; a quarter of an hour unless it says so. */
  maxSeconds?: number
  /** Does the work and says what it did, for the log. The signal aborts when the time for it is over, or the worker is told to end. */
  run(needs: JobNeeds, signal: AbortSignal): Promise<Record<string, unknown>>
}

const daysOfAnswers = 7 // the contract's promise for an Idempotency-Key
const daysOfFailures = 1 // a lockout lasts 15 minutes
const daysOfDisks = 7 // somebody may still wonder what became of one

/** People's uploads and downloads come first. */
const inBackground = { concurrency: 2, patienceMs: 60_000 }

export const housekeeping: Job = {
  name: 'housekeeping',
  description:
    'Makes room for the audit trail’s next months, and throws away answers, sessions and counts that are past their time.',
  schedule: '17 3 * * *',
  async run({ db, log }) {
    const now = await readClock(db)
    // First, since without a month events fall into the default partition.
    for (const { month, error } of await createEventMonths(db))
      log.warn({ event: 'event_month_missing', month, err: error }, 'partition of the audit trail not created')
    const forgottenAnswers = await deleteExpiredIdempotencyKeys(db, daysBefore(now(), daysOfAnswers))
    await removeExpiredSessions(db, now())
    await deleteFullBuckets(db)
    await removeFailuresBefore(db, daysBefore(now(), daysOfFailures))
    await deleteDisksBefore(db, daysBefore(now(), daysOfDisks))
    return { forgotten_answers: forgottenAnswers }
  },
}

/** The triggers may have been off, as in a restore. */
export const compareWithPlatform: Job = {
  name: 'compare-with-platform',
  description: 'Compares everything that the platform wrote with what stands here.',
  schedule: '7 2 * * *',
  isDueAtStart: false,
  maxSeconds: 60 * 60,
  async run({ db }, signal) {
    await restartComparison(db)
    return { compared: await comparePlatform(db, () => signal.aborted) }
  },
}

/** Documents on disks are read by the process that has the disk (`tend-disk.ts`). */
export const hashPlatformDocuments: Job = {
  name: 'hash-platform-documents',
  description: 'Reads the platform’s documents on S3 that have no hash yet.',
  schedule: '*/10 * * * *',
  maxSeconds: 6 * 60 * 60,
  async run(needs, signal) {
    const here = findS3(needs)
    if (here === undefined) return {}
    return (await fillHashes(needs, jobActor(), { here, ...inBackground, signal })).counts
  },
}

/** The command `verify` names the rest. */
const maxNamed = 100

export const verifySample: Job = {
  name: 'verify-sample',
  description: 'Reads 1 % of all documents, others each day, and looks whether rows and bytes agree in all stores.',
  schedule: '43 1 * * *',
  // A service that restarts often would otherwise do little else.
  isDueAtStart: false,
  maxSeconds: 6 * 60 * 60,
  async run(needs, signal) {
    let named = 0
    const verified = await verify(needs, jobActor(), {
      plan: await planVerification(needs, dailyShare),
      reads: true,
      repairs: 'nothing',
      ...inBackground,
      signal,
      onFinding({ kind, store, key, document, why }) {
        if ((named += 1) > maxNamed) return
        const whose = document && { document_id: document.documentId, version: document.version }
        needs.log.warn({ event: 'verify_finding', kind, store, key, ...whose, why }, 'rows and bytes do not agree')
      },
      onChecked: () => undefined,
      onWaiting: () => undefined,
    })
    return {
      files: verified.files,
      bytes: verified.bytes,
      complete: verified.isComplete,
      ...countUnresolved(verified.findings),
    }
  },
}

export const keepAuditHead: Job = {
  name: storeHeadTask,
  description: 'Hands the newest seal to whoever AUDIT_HEADS names.',
  schedule: '11 * * * *',
  async run({ db, heads }) {
    const seal = heads && (await findLastSeal(db))
    if (heads === undefined || seal === undefined) return { kept: 0 }
    await heads.store({ number: seal.number, hash: seal.hash.toString('hex'), sealedAt: seal.sealedAt })
    return { kept: seal.number }
  },
}

/** Every job of the queue. */
export const everyJob: Job[] = [
  housekeeping,
  {
    name: 'follow-platform',
    description: 'Makes documents follow what the platform wrote to its tables and its triggers had to leave.',
    schedule: '*/5 * * * *',
    maxSeconds: 60 * 60,
    async run({ db }, signal) {
      const noted = await followNoted(db, () => signal.aborted)
      return { noted, compared: await comparePlatform(db, () => signal.aborted) }
    },
  },
  compareWithPlatform,
  hashPlatformDocuments,
  {
    name: 'scan-waiting',
    description: 'Scans documents on S3 that wait for it, and clean ones once more when the scanner knows more.',
    schedule: '* * * * *',
    maxSeconds: 6 * 60 * 60,
    async run(needs, signal) {
      const here = findS3(needs)
      return here === undefined ? {} : scanStored(needs, jobActor(), here, signal)
    },
  },
  {
    name: 'sum-up-firms',
    description: 'Adds up how much each firm keeps.',
    schedule: '*/5 * * * *',
    run: async ({ db }) => ({ changes: await aggregateUsage(db) }),
  },
  verifySample,
  {
    name: 'seal-audit-trail',
    description: 'Seals the audit trail’s newest events, so that a change of them is found.',
    schedule: '*/5 * * * *',
    run: ({ db }, signal) => sealTrail({ db, signal }),
  },
  keepAuditHead,
  {
    name: 'purge',
    description: 'Destroys what has been in the trash for long enough and nothing keeps.',
    schedule: '23 2 * * *',
    maxSeconds: 6 * 60 * 60,
    run: async (needs, signal) => purgeDaily({ ...needs, now: await readClock(needs.db) }, jobActor(), signal),
  },
  {
    name: 'hold-objects',
    description: 'Puts legal holds on objects on S3 too, where the bucket can carry them.',
    schedule: '*/5 * * * *',
    run: ({ db, stores }, signal) => holdObjects({ db, stores }, signal),
  },
]

function daysBefore(date: Date, days: number): Date {
  return new Date(date.getTime() - days * 24 * 60 * 60 * 1000)
}

function findS3({ stores }: JobNeeds) {
  return reachableStores(stores).find(({ store }) => store === 's3')
}

/** Who acts in the job that runs: the system, under that job's id. */
function jobActor(): EventActor {
  return systemActor(logContext().job_id ?? randomUUID())
}

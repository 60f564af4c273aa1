import { randomUUID } from 'node:crypto'

import { type HeadStore, storeHeadTask } from '../audit/seal-heads.ts'
import { sealTrail } from '../audit/seal-trail.ts'
import type { Config } from '../config/load-config.ts'
import { createEventMonths } from '../database/audit/event-partitions.ts'
import { type EventActor, systemActor } from '../database/audit/events.ts'
import { findLastSeal } from '../database/audit/trail.ts'
import { daysOfIdempotencyKeys, deleteExpiredIdempotencyKeys } from '../database/blobs/idempotency-keys.ts'
import { readClock } from '../database/connection/client.ts'
import { removeExpiredLinks } from '../database/mail/link-tokens.ts'
import { removeMailsBefore } from '../database/mail/mails.ts'
import { removeMessagesBefore } from '../database/mail/messages.ts'
import { removeFailuresBefore } from '../database/passwords/login-failures.ts'
import { removeOldApiKeys } from '../database/people/api-keys.ts'
import { removeExpiredInvitations } from '../database/people/open-invitations.ts'
import { removeFormerMembers } from '../database/people/members.ts'
import { aggregateUsage } from '../database/people/quota-usage.ts'
import { deleteFullBuckets } from '../database/people/rate-limits.ts'
import { removeExpiredSessions } from '../database/people/sessions.ts'
import { comparePlatform, followNoted, restartComparison } from '../database/schema/compare-platform.ts'
import { removeExpiredChallenges } from '../database/second-factors/factors.ts'
import { removeDeliveriesBefore } from '../database/webhooks/deliveries.ts'
import { recordHistory } from '../database/work/hourly-history.ts'
import { deleteDisksBefore } from '../database/work/job-runs.ts'
import { holdObjects } from '../documents/purge/disposal.ts'
import { purgeDaily, type PurgeDailyNeeds } from '../documents/purge/purge-trash.ts'
import { sendReminders } from '../documents/renewal/send-reminders.ts'
import { scanStored, type ScanStoredNeeds } from '../documents/scanning/scan-due-versions.ts'
import { reachableStores } from '../documents/stores/reachable-stores.ts'
import { fillHashes } from '../documents/verifying/check-versions.ts'
import {
  countUnresolved,
  dailyShare,
  planVerification,
  type VerifyNeeds,
} from '../documents/verifying/plan-verification.ts'
import { verify } from '../documents/verifying/verify.ts'
import { logContext, type Tracing } from '../logging/spans.ts'
import { sendDailyDigests } from '../mail/send-daily-digests.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { eraseOldFields, finishErasures } from '../people/personal-data/erase-old-fields.ts'

/** The needs of all jobs together. */
export type JobNeeds = VerifyNeeds &
  ScanStoredNeeds &
  PurgeDailyNeeds & {
    metrics: Pick<Metrics, 'jobSeconds'>
    config: Pick<Config, 'auditPersonalMonths' | 'publicUrl'>
    mailIsOn: boolean
    /** The name of this process. */
    instance: string
    tracing: Tracing | undefined
    /** Undefined: no heads of the audit trail are stored. */
    heads: HeadStore | undefined
  }

/** One kind of background work. It may run twice: the second run finds nothing to do. */
export type Job = {
  name: string
  /** One sentence for operators. */
  description: string
  /** A cron expression in UTC. The job is also due at every start, unless `isDueAtStart` is false. */
  schedule: string
  isDueAtStart?: boolean
  /** Its time limit; the default is 15 minutes. */
  maxSeconds?: number
  /** Returns what it did, for the log. The signal aborts at the time limit and when the worker shuts down. */
  run(needs: JobNeeds, signal: AbortSignal): Promise<Record<string, unknown>>
}

const daysOfFailures = 1 // a lockout lasts 15 minutes
const daysOfDeliveries = 30 // administrators may still look for an event, or enable a webhook that waits
const daysOfMails = 30 // operators may still look for one
const daysOfMessages = 365 // a document is renewed once a year
const daysOfApiKeys = 30 // a later use of an expired key is recorded under its name
const daysOfDisks = 7 // operators may still look for a removed disk

/** Leaves most of the capacity to uploads and downloads. */
const inBackground = { concurrency: 2, patienceMs: 60_000 }

export const housekeeping: Job = {
  name: 'housekeeping',
  description: 'Creates the next partitions of the audit trail and deletes expired answers, sessions and counters.',
  schedule: '17 3 * * *',
  async run({ db, log }) {
    const now = await readClock(db)
    // First: without a partition of the month, events go to the default partition.
    for (const { month, error } of await createEventMonths(db))
      log.warn({ event: 'event_month_missing', month, err: error }, 'partition of the audit trail not created')
    const forgottenAnswers = await deleteExpiredIdempotencyKeys(db, daysBefore(now(), daysOfIdempotencyKeys))
    await removeExpiredSessions(db, now())
    await removeExpiredChallenges(db, now())
    await removeOldApiKeys(db, daysBefore(now(), daysOfApiKeys))
    await removeExpiredInvitations(db, now())
    await removeFormerMembers(db)
    await deleteFullBuckets(db)
    await removeFailuresBefore(db, daysBefore(now(), daysOfFailures))
    await removeExpiredLinks(db, now())
    await removeMailsBefore(db, daysBefore(now(), daysOfMails))
    await removeMessagesBefore(db, daysBefore(now(), daysOfMessages))
    await removeDeliveriesBefore(db, daysBefore(now(), daysOfDeliveries))
    await deleteDisksBefore(db, daysBefore(now(), daysOfDisks))
    return { forgotten_answers: forgottenAnswers }
  },
}

/** Triggers may have been disabled, as in a restore. */
export const compareWithPlatform: Job = {
  name: 'compare-with-platform',
  description: 'Compares all rows of the platform with the rows of this service.',
  schedule: '7 2 * * *',
  isDueAtStart: false,
  maxSeconds: 60 * 60,
  async run({ db }, signal) {
    await restartComparison(db)
    return { compared: await comparePlatform(db, () => signal.aborted) }
  },
}

/** The process with the disk reads documents on it (`local-disk-tasks.ts`). */
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

/** The command `verify` reports all of them. */
const maxNamed = 100

export const verifySample: Job = {
  name: 'verify-sample',
  description: 'Reads 1 % of all documents, different ones each day, and compares rows and files in all stores.',
  schedule: '43 1 * * *',
  // A service that restarts often would do little else.
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
        needs.log.warn({ event: 'verify_finding', kind, store, key, ...whose, why }, 'row and file differ')
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

export const storeAuditHead: Job = {
  name: storeHeadTask,
  description: 'Stores the newest seal at AUDIT_HEADS.',
  schedule: '11 * * * *',
  async run({ db, heads }) {
    const seal = heads && (await findLastSeal(db))
    if (heads === undefined || seal === undefined) return { kept: 0 }
    await heads.store({ number: seal.number, hash: seal.hash.toString('hex'), sealedAt: seal.sealedAt })
    return { kept: seal.number }
  },
}

export const erasePersonalData: Job = {
  name: 'erase-personal-data',
  description: 'Finishes erasures of people, and deletes addresses of events after AUDIT_PERSONAL_MONTHS.',
  schedule: '*/10 * * * *',
  async run({ db, config }, signal) {
    const needs = { db, now: await readClock(db) }
    const finished = await finishErasures(needs, signal)
    const { auditPersonalMonths: months } = config
    return months === undefined ? finished : { ...finished, ...(await eraseOldFields(needs, months, signal)) }
  },
}

export const remindFirms: Job = {
  name: 'remind-firms',
  description: 'Reminds firms of documents that end soon, and records what has expired.',
  // 08:00 in South Africa, and once more for a clock that was early.
  schedule: '0,10 6 * * *',
  maxSeconds: 60 * 60,
  async run({ db, mailIsOn }, signal) {
    const now = await readClock(db)
    const run = { asOf: now(), isDryRun: false, signal }
    const reminded = await sendReminders({ db, now, mailIsOn }, jobActor(), run)
    const { digests, expiring, expired, isComplete } = reminded
    return { digests: digests.length, expiring, expired, complete: isComplete }
  },
}

export const mailDailyDigests: Job = {
  name: 'mail-daily-digests',
  description: 'Queues the mail of the day to people who want one a day.',
  // 08:00 in South Africa, and once more for a clock that was early.
  schedule: '0,10 6 * * *',
  maxSeconds: 60 * 60,
  async run({ db, mailIsOn, config }, signal) {
    if (!mailIsOn) return { mails: 0, messages: 0, complete: true }
    const now = await readClock(db)
    const sent = await sendDailyDigests({ db, publicUrl: config.publicUrl }, { asOf: now(), signal })
    return { mails: sent.mails, messages: sent.messages, complete: sent.isComplete }
  },
}

/** Every job of the queue. */
export const everyJob: Job[] = [
  housekeeping,
  {
    name: 'follow-platform',
    description: 'Applies the platform’s changes that its triggers could not apply.',
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
    description: 'Scans pending documents on S3, and clean ones again after new signatures.',
    schedule: '* * * * *',
    maxSeconds: 6 * 60 * 60,
    async run(needs, signal) {
      const here = findS3(needs)
      return here === undefined ? {} : scanStored(needs, jobActor(), here, signal)
    },
  },
  {
    name: 'sum-up-firms',
    description: 'Aggregates how much each firm stores.',
    schedule: '*/5 * * * *',
    run: async ({ db }) => ({ changes: await aggregateUsage(db) }),
  },
  {
    name: 'record-history',
    description: 'Counts uploads, fallback and storage of each hour, and deletes hours after 30 days.',
    schedule: '*/10 * * * *',
    run: ({ db }, signal) => recordHistory(db, signal),
  },
  verifySample,
  {
    name: 'seal-audit-trail',
    description: 'Seals the newest events of the audit trail, so that changes are detected.',
    schedule: '*/5 * * * *',
    run: ({ db }, signal) => sealTrail({ db, signal }),
  },
  storeAuditHead,
  remindFirms,
  mailDailyDigests,
  erasePersonalData,
  {
    name: 'purge',
    description: 'Purges documents whose time in the trash is over.',
    schedule: '23 2 * * *',
    maxSeconds: 6 * 60 * 60,
    run: async (needs, signal) => purgeDaily({ ...needs, now: await readClock(needs.db) }, jobActor(), signal),
  },
  {
    name: 'hold-objects',
    description: 'Sets legal holds on S3 objects, if the bucket has Object Lock.',
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

/** The actor of the current job: the system, with the job's id. */
function jobActor(): EventActor {
  return systemActor(logContext().job_id ?? randomUUID())
}

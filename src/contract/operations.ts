import { z } from 'zod'

import { pageQuery, time, uuid } from './documents.ts'

/** Schemas of health, readiness and status. */

export const healthShape = z.object({ status: z.literal('ok') }).meta({ id: 'Health' })

const checkShape = z.object({
  state: z.enum(['ok', 'failed', 'not_used']),
  message: z.string().meta({ description: 'The meaning of the state.' }),
})

const readinessStatus = z.enum(['ready', 'degraded', 'unavailable', 'stopping']).meta({
  description: '`degraded`: it works, and something needs attention. `stopping`: it is shutting down.',
})

const checksShape = z.object({
  database: checkShape,
  s3: checkShape,
  local: checkShape,
  scanner: checkShape,
  jobs: checkShape,
})

const sinceCheckShape = checkShape.extend({
  since: time.meta({
    description: 'When the instance that answers first saw this state; of S3 that is out, the start of the outage.',
  }),
})

const sinceChecksShape = z.object({
  database: sinceCheckShape,
  s3: sinceCheckShape,
  local: sinceCheckShape,
  scanner: sinceCheckShape,
  jobs: sinceCheckShape,
})
export type SinceChecks = z.infer<typeof sinceChecksShape>

const jobShape = z.object({
  name: z.string(),
  last_ended_at: time.nullable(),
  last_outcome: z.enum(['ok', 'failed', 'broken_off']).nullable(),
  next_run_at: time.nullable(),
  is_overdue: z.boolean(),
})

export const readinessShape = z
  .object({
    status: readinessStatus,
    checks: checksShape,
    jobs: z.array(jobShape).meta({ description: 'Background jobs, on any instance.' }),
  })
  .meta({
    id: 'Readiness',
    example: {
      status: 'ready',
      checks: {
        database: { state: 'ok', message: 'The database answers.' },
        s3: { state: 'ok', message: 'S3 answers; new files are stored there.' },
        local: { state: 'ok', message: 'The local store answers.' },
        scanner: { state: 'ok', message: 'The virus scanner answers.' },
        jobs: { state: 'ok', message: 'No job is overdue.' },
      },
      jobs: [
        {
          name: 'purge',
          last_ended_at: '2026-11-24T02:23:31.000Z',
          last_outcome: 'ok',
          next_run_at: '2026-11-25T02:23:00.000Z',
          is_overdue: false,
        },
      ],
    },
  })
/** Others than operators get the status alone. */
export const readinessAnswer = readinessShape.partial({ checks: true, jobs: true }).meta({ id: 'ReadinessAnswer' })
export type ReadinessShape = z.infer<typeof readinessShape>

/** The state of the service, for administrators of the platform. */

const waiting = z.object({
  count: z.int().meta({ description: 'Counted up to 10000.' }),
  oldest_seconds: z.int().meta({ description: 'Time that the oldest has waited; 0 if there is none.' }),
})

const jobStateShape = z
  .object({
    name: z.string().meta({ example: 'verify-sample' }),
    does: z.string().meta({ description: 'What it does, in a sentence.' }),
    by: z.enum(['one_instance', 'each_disk', 'outside']).meta({
      description:
        '`one_instance`: one instance at a time. `each_disk`: every instance for its own disk. `outside`: started by hand or by cron.',
    }),
    disk: uuid.nullable().meta({ description: 'The id of the local store that it works on.' }),
    schedule: z
      .string()
      .nullable()
      .meta({ example: '43 1 * * *', description: 'A cron expression in UTC, or an interval. Null: no schedule.' }),
    running_since: time.nullable(),
    last_started_at: time.nullable(),
    last_ended_at: time.nullable(),
    last_instance: z.string().nullable().meta({ example: 'documents-1:4711', description: 'Host and process.' }),
    last_outcome: z.enum(['ok', 'failed', 'broken_off']).nullable().meta({
      description: '`broken_off`: interrupted before its end. Null: it never ran.',
    }),
    last_error: z.string().nullable().meta({ description: 'The reason of a failure; the log has details.' }),
    last_did: z.record(z.string(), z.unknown()).meta({ description: 'What it did, mostly counts.' }),
    last_succeeded_at: time.nullable(),
    next_run_at: time.nullable(),
    is_gone: z.boolean().meta({ description: 'No running instance has this disk; the entry is removed after a week.' }),
    overdue_seconds: z.int().meta({ description: 'Time since a successful run was due; 0 while on schedule.' }),
  })
  .meta({ id: 'JobState' })
export type JobStateShape = z.infer<typeof jobStateShape>

const storesShape = z.object({
  new_files_go_to: z.enum(['s3', 'local', 'fallback', 'none']).meta({
    description: '`fallback`: the local disk, while S3 is out. `none`: uploads are rejected.',
  }),
  s3: z
    .object({
      is_used: z.boolean().meta({ description: 'False while S3 is out.' }),
      left_alone_since: time.nullable(),
      trouble: z.string().nullable().meta({ example: 'no_answer' }),
      s3_code: z.string().nullable().meta({ description: 'The last error code of S3 or the network.' }),
    })
    .nullable(),
  local: z.object({ store_id: uuid }),
  waiting_for_s3: waiting,
  open_uploads: waiting.meta({
    description: 'Running uploads and those with an unknown outcome, without resumable ones.',
  }),
  resumable_uploads: waiting.extend({ reserved_bytes: z.int() }).meta({
    description: 'Resumable uploads that are neither documents nor rejected yet, and the room that they reserve.',
  }),
  open_moves: waiting,
  removals_due: waiting,
  quarantined_files: z.int(),
})

const scannerShape = z.object({
  is_reachable: z.boolean(),
  name: z.string().nullable().meta({ example: 'ClamAV 1.4.3' }),
  signatures: z.int().nullable(),
})

export const statusShape = z
  .object({
    looked_at: time,
    instance: z.string().meta({ example: 'documents-1:4711', description: 'The instance that answers.' }),
    version: z.string().meta({ example: '1.0.0' }),
    started_at: time.meta({ description: 'Since when that instance runs, with its settings.' }),
    status: readinessStatus,
    checks: sinceChecksShape,
    jobs: z.array(jobStateShape),
    stores: storesShape,
    scanner: scannerShape.nullable().meta({ description: 'Null: none is configured.' }),
    scans: z.object({ waiting, infected: z.int() }),
    mail: z.object({
      is_on: z.boolean().meta({ description: 'Whether `SMTP_URL` is set.' }),
      waiting,
      failed: z.int().meta({ description: 'Mails given up within 30 days. `GET /admin/mails` lists them.' }),
      failed_oldest_seconds: z.int().meta({ description: 'Time since the first of them was given up.' }),
    }),
    webhooks: z.object({
      waiting,
      disabled: z.int().meta({
        description: 'Webhooks that the service disabled: their receivers failed for three days or are gone.',
      }),
      disabled_oldest_seconds: z.int().meta({ description: 'Time since the first of them began to fail.' }),
    }),
    trash: z.object({ documents: waiting, holds_on_firms: z.int(), holds_on_documents: z.int() }),
    audit: z.object({
      last_seal: z.object({ number: z.int(), sealed_at: time }).nullable(),
      are_heads_kept: z.boolean().meta({ description: 'Whether `AUDIT_HEADS` is set.' }),
      events_without_month: z.int(),
    }),
    verification: z
      .object({
        finished_at: time,
        is_complete: z.boolean(),
        files: z.int(),
        findings: z.record(z.string(), z.int()),
      })
      .nullable()
      .meta({ description: 'The last verification, full or partial; null before the first.' }),
    database: z.object({
      last_migration: z.string().meta({ example: '0012-job-runs' }),
      migrations: z.int(),
      migrated_at: time,
      platform_rows_waiting: waiting,
    }),
  })
  .meta({ id: 'Status' })
export type StatusShape = z.infer<typeof statusShape>

const hourShape = z.object({
  hour: time.meta({ description: 'Its beginning.' }),
  uploads: z.int().meta({ description: 'Files that were uploaded through this service, also as new versions.' }),
  upload_bytes: z.int(),
  errors: z.int().meta({ description: 'Answers of the API with a status of 500 or more, by all instances.' }),
  fallback_files: z.int().meta({
    description: 'The largest number of files that waited for S3 on a local disk, counted up to 10000.',
  }),
  stored_bytes: z.int().nullable().meta({
    description: 'All versions of all firms at the last count in this hour. Null: there was none.',
  }),
})

export const historyShape = z
  .object({
    hours: z.array(hourShape).meta({ description: 'Oldest first. Hours in which nothing was recorded are absent.' }),
  })
  .meta({ id: 'History' })
export type HistoryShape = z.infer<typeof historyShape>

/** Mails that were not delivered, for administrators of the platform. */

export const undeliveredMailsQuery = pageQuery
export const mailParams = z.object({ id: uuid })

export const undeliveredMailShape = z
  .object({
    id: uuid,
    kind: z.string().meta({ example: 'password_reset', description: 'What the mail is about.' }),
    recipient: z.string().meta({ example: 'you@example.com' }),
    state: z.enum(['waiting', 'given_up']).meta({
      description: '`given_up`: the mail server rejected it for good, or it was tried for three days.',
    }),
    attempts: z.int(),
    queued_at: time,
    last_attempt_at: time.nullable(),
    last_error: z.string().nullable().meta({ description: 'Why the last attempt failed.' }),
    next_attempt_at: time.nullable().meta({ description: 'Null: given up.' }),
  })
  .meta({ id: 'UndeliveredMail' })
export type UndeliveredMailShape = z.infer<typeof undeliveredMailShape>

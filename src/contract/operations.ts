import { z } from 'zod'

import { time, uuid } from './documents.ts'

/** The shapes that tell whether the service works. */

export const healthShape = z.object({ status: z.literal('ok') }).meta({ id: 'Health' })

const checkShape = z.object({
  state: z.enum(['ok', 'failed', 'not_used']),
  message: z.string().meta({ description: 'What that means, in a sentence.' }),
})

export const readinessStatus = z.enum(['ready', 'degraded', 'unavailable', 'stopping']).meta({
  description: '`degraded`: it works, and something needs to be looked at. `stopping`: it was told to end.',
})

export const checksShape = z.object({
  database: checkShape,
  s3: checkShape,
  local: checkShape,
  scanner: checkShape,
  jobs: checkShape,
})

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
    jobs: z.array(jobShape).meta({ description: 'Work behind people’s backs, on whichever instance.' }),
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
export type ReadinessShape = z.infer<typeof readinessShape>

/** How the whole is doing, for administrators of the platform. */

const waiting = z.object({
  count: z.int().meta({ description: 'Counted up to 10000.' }),
  oldest_seconds: z.int().meta({ description: 'For how long the oldest has waited; 0 when there is none.' }),
})

const jobStateShape = z
  .object({
    name: z.string().meta({ example: 'verify-sample' }),
    does: z.string().meta({ description: 'What it does, in a sentence.' }),
    by: z.enum(['one_instance', 'each_disk', 'outside']).meta({
      description:
        '`one_instance`: whichever takes it, one at a time. `each_disk`: every instance for its own disk. `outside`: whoever begins it, by hand or by cron.',
    }),
    disk: uuid.nullable().meta({ description: 'The id of the local store that it is done for.' }),
    schedule: z
      .string()
      .nullable()
      .meta({ example: '43 1 * * *', description: 'A cron line in UTC, or how often. Null: nobody promised a time.' }),
    running_since: time.nullable(),
    last_started_at: time.nullable(),
    last_ended_at: time.nullable(),
    last_instance: z.string().nullable().meta({ example: 'documents-1:4711', description: 'Host and process.' }),
    last_outcome: z.enum(['ok', 'failed', 'broken_off']).nullable().meta({
      description: '`broken_off`: its process ended, or told it to stop, before it was done. Null: it never ran.',
    }),
    last_error: z.string().nullable().meta({ description: 'Why it failed, in a sentence; the log has the rest.' }),
    last_did: z.record(z.string(), z.unknown()).meta({ description: 'What it did, mostly how many.' }),
    last_succeeded_at: time.nullable(),
    next_run_at: time.nullable(),
    is_gone: z
      .boolean()
      .meta({ description: 'No running instance has this disk; what is known of it goes a week later.' }),
    overdue_seconds: z.int().meta({ description: 'For how long it should have gone well once more; 0 while in time.' }),
  })
  .meta({ id: 'JobState' })
export type JobStateShape = z.infer<typeof jobStateShape>

const storesShape = z.object({
  new_files_go_to: z.enum(['s3', 'local', 'fallback', 'none']).meta({
    description: '`fallback`: the local disk, while S3 is out. `none`: uploads are refused.',
  }),
  s3: z
    .object({
      is_used: z.boolean().meta({ description: 'False while it is left alone since it failed.' }),
      left_alone_since: time.nullable(),
      trouble: z.string().nullable().meta({ example: 'no_answer' }),
      s3_code: z.string().nullable().meta({ description: 'What S3, or the network, said last.' }),
    })
    .nullable(),
  local: z.object({ store_id: uuid }),
  waiting_for_s3: waiting,
  open_uploads: waiting,
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
    instance: z.string().meta({ example: 'documents-1:4711', description: 'The one that answers.' }),
    version: z.string().meta({ example: '1.0.0' }),
    status: readinessStatus,
    checks: checksShape,
    jobs: z.array(jobStateShape),
    stores: storesShape,
    scanner: scannerShape.nullable().meta({ description: 'Null: none is set.' }),
    scans: z.object({ waiting, infected: z.int() }),
    trash: z.object({ documents: waiting, holds_on_firms: z.int(), holds_on_documents: z.int() }),
    audit: z.object({
      last_seal: z.object({ number: z.int(), sealed_at: time }).nullable(),
      are_heads_kept: z.boolean().meta({ description: 'Whether `AUDIT_HEADS` says where.' }),
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
      .meta({ description: 'The last one, of all or of a part; null before the first.' }),
    database: z.object({
      last_migration: z.string().meta({ example: '0012-job-runs' }),
      migrations: z.int(),
      migrated_at: time,
      platform_rows_waiting: waiting,
    }),
  })
  .meta({ id: 'Status' })
export type StatusShape = z.infer<typeof statusShape>

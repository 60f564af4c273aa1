import { z } from 'zod'

import { time } from './contract.ts'

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
        s3: { state: 'ok', message: 'S3 answers; new files go there.' },
        local: { state: 'ok', message: 'The local store answers.' },
        scanner: { state: 'ok', message: 'The virus scanner answers.' },
        jobs: { state: 'ok', message: 'Nothing is late.' },
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

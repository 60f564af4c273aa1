import { z } from 'zod'

/** The shapes that tell whether the service works. */

export const healthShape = z.object({ status: z.literal('ok') }).meta({ id: 'Health' })

const checkShape = z.object({
  state: z.enum(['ok', 'failed', 'not_used']),
  message: z.string().meta({ description: 'What that means, in a sentence.' }),
})

export const readinessShape = z
  .object({
    status: z.enum(['ready', 'degraded', 'unavailable', 'stopping']).meta({
      description: '`degraded`: it works, and something needs to be looked at. `stopping`: it was told to end.',
    }),
    checks: z.object({ database: checkShape, s3: checkShape, local: checkShape }),
  })
  .meta({
    id: 'Readiness',
    example: {
      status: 'ready',
      checks: {
        database: { state: 'ok', message: 'The database answers.' },
        s3: { state: 'ok', message: 'S3 answers; new files go there.' },
        local: { state: 'ok', message: 'The local store answers.' },
      },
    },
  })
export type ReadinessShape = z.infer<typeof readinessShape>

import { z } from 'zod'

import { lines, pageQuery, time, uuid } from './documents.ts'

/** Schemas of the applications of firms. */

const status = z.enum(['draft', 'submitted', 'under_review', 'approved', 'rejected'])

export const applicationsQuery = pageQuery.extend({ status: status.optional() })

export const applicationShape = z
  .object({
    id: uuid,
    firm_id: uuid,
    firm_name: z.string(),
    status,
    submitted_at: time.nullable(),
    reviewed_at: time.nullable(),
    reviewed_by: uuid.nullable(),
    rejection_reason: z.string().nullable(),
    notes: z.string().nullable().optional().meta({ description: 'For administrators of the platform alone.' }),
  })
  .meta({ id: 'Application' })
export type ApplicationShape = z.infer<typeof applicationShape>

export const reviewApplicationBody = z
  .strictObject({
    decision: z.enum(['approve', 'reject']),
    reason: lines(2000).nullish().meta({ description: 'For the firm. Needed for a rejection.' }),
    notes: lines(2000).nullish().meta({ description: 'Not shown to the firm.' }),
  })
  .meta({ id: 'ApplicationReview' })

import { z } from 'zod'

import { documentShape, pageQuery, time, uuid } from './documents.ts'

/** Schemas of the checklist and the review queue. */

const checklistItem = z.object({
  document_type: z.string().meta({ example: 'tax_clearance' }),
  name: z.string().meta({ example: 'Tax clearance' }),
  is_required: z.boolean(),
  proof: z.string().nullable().meta({ description: 'What counts, and how recent it must be.' }),
  state: z.enum(['missing', 'pending', 'verified', 'rejected', 'expiring', 'expired']).meta({
    description:
      '`expiring`: valid for 90 days or less. The newest verified document of a type counts, else the newest.',
  }),
  document_id: uuid.nullable().meta({ description: 'Null also for members who may not read the type.' }),
  version: z.int().nullable(),
  review_reason: z.string().nullable().meta({ description: 'The reason code of a rejection.' }),
  review_comment: z.string().nullable().meta({ description: 'What the reviewer wrote about a rejection.' }),
  valid_until: z.iso.date().nullable(),
  days_left: z.int().nullable().meta({ description: 'In days of Africa/Johannesburg; negative once expired.' }),
})

export const checklistShape = z
  .object({
    firm_id: uuid,
    verification_status: z.string().meta({ example: 'draft' }),
    is_complete: z.boolean().meta({ description: 'Every required type is verified or expiring.' }),
    items: z.array(checklistItem),
  })
  .meta({ id: 'Checklist' })
export type ChecklistShape = z.infer<typeof checklistShape>

const queueFilter = {
  document_type: z.string().max(50).optional().meta({ description: 'Code or id of a document type.' }),
  firm_id: uuid.optional(),
}

export const reviewQueueQuery = pageQuery.extend(queueFilter)
export const claimBody = z.strictObject(queueFilter).nullish().meta({ id: 'Claim' })
export const claimParams = z.object({ document_id: uuid })

export const waitingShape = z
  .object({
    document: documentShape,
    firm_name: z.string(),
    waiting_seconds: z.int().meta({ description: 'Since the upload of the current version.' }),
    claimed_by: z
      .object({ id: uuid, name: z.string() })
      .nullable()
      .meta({ description: 'Null when nobody has claimed it, or the claim has expired.' }),
    claimed_until: time.nullable(),
  })
  .meta({ id: 'WaitingDocument' })
export type WaitingShape = z.infer<typeof waitingShape>

export const reviewQueueSummaryShape = z
  .object({
    waiting: z.int(),
    oldest_waiting_seconds: z.int().nullable().meta({ description: 'Null when nothing waits.' }),
    by_type: z.array(z.object({ document_type: z.string(), waiting: z.int(), oldest_waiting_seconds: z.int() })),
    decided_today: z.object({ verified: z.int(), rejected: z.int() }).meta({
      description: 'Versions that you decided on since midnight in South Africa, each with your last decision.',
    }),
  })
  .meta({ id: 'ReviewQueueSummary' })
export type ReviewQueueSummaryShape = z.infer<typeof reviewQueueSummaryShape>

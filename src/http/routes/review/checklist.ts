import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'

import { firmParams } from '../../../contract/documents.ts'
import { type ChecklistShape, checklistShape } from '../../../contract/review.ts'
import type { Db } from '../../../database/connection/client.ts'
import { type Checklist, viewChecklist } from '../../../documents/review/checklist.ts'
import type { Clock, FirmId } from '../../../vocabulary/vocabulary.ts'
import { firmOf } from '../../requests/authenticate.ts'

type Needs = { db: Db; now: Clock }

/** Contract §8: what a firm has, and what it lacks. */
export function checklistRoutes(needs: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    server.get(
      '/security-firms/:firm_id/checklist',
      {
        config: { right: 'firm.checklist', rate: 'events' },
        schema: {
          tags: ['review'],
          summary: 'See what the firm has of each document type',
          params: firmParams,
          response: { 200: checklistShape },
        },
      },
      async ({ actor, params }) => {
        const firmId = firmOf(params)
        return present(firmId, await viewChecklist(needs, actor, firmId))
      },
    )
  }
}

function present(firmId: FirmId, { verificationStatus, isComplete, items }: Checklist): ChecklistShape {
  return {
    firm_id: firmId,
    verification_status: verificationStatus,
    is_complete: isComplete,
    items: items.map((item) => ({
      document_type: item.documentType,
      name: item.name,
      is_required: item.isRequired,
      proof: item.proof,
      state: item.state,
      document_id: item.documentId,
      version: item.version,
      review_reason: item.reviewReason,
      review_comment: item.reviewComment,
      valid_until: item.validUntil,
      days_left: item.daysLeft,
    })),
  }
}

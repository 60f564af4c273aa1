import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'

import { documentParams, documentShape, ifMatchHeader, reviewBody } from '../../contract.ts'
import { reviewDocument, type ReviewNeeds } from '../../documents/review.ts'
import { documentOf } from '../document-of.ts'
import { etagOf, presentDocument } from '../present-document.ts'

/** Contract §3, review: an administrator verifies or rejects what they saw. */
export function reviewRoutes(needs: ReviewNeeds): FastifyPluginAsyncZod {
  return async (server) => {
    server.put(
      '/security-firms/:firm_id/documents/:id/review',
      {
        config: {
          right: 'documents.review',
          errors: ['gone', 'scan_pending', 'quarantined', 'precondition_failed', 'precondition_required'],
        },
        schema: {
          tags: ['documents'],
          summary: 'Verify or reject a document that you looked at',
          params: documentParams,
          headers: ifMatchHeader,
          body: reviewBody,
          response: { 200: documentShape },
        },
      },
      async (request, reply) => {
        const {
          decision,
          reason_code: reasonCode = null,
          comment = null,
          valid_until: validUntil = null,
        } = request.body
        const ifMatch = request.headers['if-match']
        const document = await reviewDocument(needs, request.actor, {
          ...documentOf(request.params),
          review: { decision: decision === 'verify' ? 'verified' : 'rejected', reasonCode, comment, validUntil },
          isAsSeen: ifMatch === undefined ? undefined : (each) => isNamedBy(ifMatch, etagOf(each, needs)),
        })
        return reply.header('etag', etagOf(document, needs)).send(presentDocument(document, needs))
      },
    )
  }
}

/** Whether one of the header's ETags is this one. `*` names none: nobody has seen it. */
function isNamedBy(ifMatch: string, etag: string): boolean {
  return ifMatch.split(',').some((each) => each.trim() === etag)
}

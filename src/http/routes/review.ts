import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'

import { documentParams, documentShape, ifMatchHeader, reviewBody } from '../../contract.ts'
import { reviewDocument, type ReviewNeeds, type ReviewRequest } from '../../documents/review.ts'
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
          description: 'A rejection should say why: by `reason_code`, `comment` or both.',
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
          seen: seenBy(ifMatch, needs),
        })
        return reply.header('etag', etagOf(document, needs)).send(presentDocument(document, needs))
      },
    )
  }
}

function seenBy(ifMatch: string | undefined, needs: ReviewNeeds): ReviewRequest['seen'] {
  if (ifMatch === undefined) return undefined
  return ifMatch.trim() === '*' ? 'anything' : (document) => isNamedBy(ifMatch, etagOf(document, needs))
}

/** Whether one of the header's ETags is this one. */
function isNamedBy(ifMatch: string, etag: string): boolean {
  return ifMatch.split(',').some((each) => each.trim() === etag)
}

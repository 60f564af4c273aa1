import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import {
  changeDisposalBody,
  type DisposalShape,
  disposalShape,
  documentParams,
  documentShape,
  eventShape,
  firmParams,
  ifMatchHeader,
  listDocumentsQuery,
  pageQuery,
  reviewBody,
} from '../../contract/documents.ts'
import type { AccessNeeds, OpeningNeeds } from '../../documents/access-document.ts'
import { browseDocuments, viewDocument, viewHistory } from '../../documents/browse-documents.ts'
import { trashEndsAt } from '../../documents/trash/trash-retention.ts'
import { deleteDocument, restoreDocument } from '../../documents/trash/trash.ts'
import { changeDisposal, viewDisposal } from '../../documents/purge/disposal.ts'
import { reviewDocument, type ReviewNeeds, type ReviewRequest } from '../../documents/review/review-document.ts'
import type { Scanner } from '../../scanner/scanner.ts'
import { documentOf, firmOf } from '../requests/authenticate.ts'
import { answerPage, type Cursors } from '../requests/paging.ts'
import { etagOf, presentDocument, presentEvent } from '../presenters/present-document.ts'
import type { DisposalOf } from '../../database/purge/disposals.ts'

type Server = Parameters<FastifyPluginAsyncZod>[0]
type DocumentNeeds = OpeningNeeds & { cursors: Cursors; scanner: Scanner | undefined }

const documents = '/security-firms/:firm_id/documents'
const oneDocument = `${documents}/:id`

/** Contract §3: documents and their events. */
export function documentRoutes(needs: DocumentNeeds): FastifyPluginAsyncZod {
  return async (server) => {
    server.get(
      documents,
      {
        config: { right: 'documents.list', rate: 'events' },
        schema: {
          tags: ['documents'],
          summary: 'List documents, newest first',
          params: firmParams,
          querystring: listDocumentsQuery,
          response: { 200: z.array(documentShape) },
        },
      },
      async (request, reply) => {
        const { query, params, actor } = request
        const filter = { documentType: query.document_type, withDeleted: query.include === 'deleted' }
        const page = await answerPage(needs.cursors, { request, reply }, query, {
          load: (wanted) => browseDocuments(needs, actor, firmOf(params), { filter, page: wanted }),
          positionOf: (document) => ({ at: document.createdAtExact, id: document.id }),
        })
        return page.map((document) => presentDocument(document, needs))
      },
    )

    server.get(
      oneDocument,
      {
        config: { right: 'documents.read', rate: 'events' },
        schema: {
          tags: ['documents'],
          summary: 'Get a document',
          params: documentParams,
          response: { 200: documentShape },
        },
      },
      async (request, reply) => {
        const document = await viewDocument(needs, request.actor, documentOf(request.params))
        return reply.header('etag', etagOf(document, needs)).send(presentDocument(document, needs))
      },
    )
    historyRoute(server, needs)
  }
}

function historyRoute(server: Server, needs: DocumentNeeds): void {
  server.get(
    `${oneDocument}/events`,
    {
      config: { right: 'documents.history', rate: 'events' },
      schema: {
        tags: ['documents'],
        summary: 'List the events of a document, newest first',
        params: documentParams,
        querystring: pageQuery,
        response: { 200: z.array(eventShape) },
      },
    },
    async (request, reply) => {
      const document = documentOf(request.params)
      const events = await answerPage(needs.cursors, { request, reply }, request.query, {
        load: (page) => viewHistory(needs, request.actor, { document, page }),
        positionOf: (event) => ({ at: event.occurredAtExact, id: event.id }),
      })
      return events.map(presentEvent)
    },
  )
}

/** Contract §3: trash. */
export function trashRoutes(needs: AccessNeeds & { scanner: Scanner | undefined }): FastifyPluginAsyncZod {
  return async (server) => {
    server.delete(
      oneDocument,
      {
        config: { right: 'documents.delete' },
        schema: {
          tags: ['documents'],
          summary: 'Move a document to the trash',
          params: documentParams,
          response: { 204: z.null() },
        },
      },
      async (request, reply) => {
        await deleteDocument(needs, request.actor, documentOf(request.params))
        return reply.code(204).send(null)
      },
    )

    server.post(
      `${oneDocument}/restore`,
      {
        config: { right: 'documents.restore', errors: ['gone'] },
        schema: {
          tags: ['documents'],
          summary: 'Restore a document from the trash',
          params: documentParams,
          response: { 200: documentShape },
        },
      },
      async (request, reply) => {
        const document = await restoreDocument(needs, request.actor, documentOf(request.params))
        return reply.header('etag', etagOf(document, needs)).send(presentDocument(document, needs))
      },
    )
  }
}

/** When a purge may destroy a document, legal holds and approvals. */
export function disposalRoutes(needs: OpeningNeeds & { trashDays: number }): FastifyPluginAsyncZod {
  return async (server) => {
    server.get(
      `${oneDocument}/disposal`,
      {
        config: { right: 'documents.read', rate: 'events' },
        schema: {
          tags: ['documents'],
          summary: 'Get when a purge may destroy a document, and what prevents it',
          params: documentParams,
          response: { 200: disposalShape },
        },
      },
      async (request) => presentDisposal(await viewDisposal(needs, request.actor, documentOf(request.params)), needs),
    )

    server.patch(
      `${oneDocument}/disposal`,
      {
        config: { right: 'documents.hold', errors: ['conflict', 'second_person_required'] },
        schema: {
          tags: ['documents'],
          summary: 'Set or lift a legal hold, or approve the purge of the last verified document of a required type',
          params: documentParams,
          body: changeDisposalBody,
          response: { 200: disposalShape },
        },
      },
      async (request) => {
        const { hold: isHeld, purge_approved: isApproved, reason } = request.body
        const change = { ...documentOf(request.params), isHeld, isApproved, reason }
        return presentDisposal(await changeDisposal(needs, request.actor, change), needs)
      },
    )
  }
}

function presentDisposal(of: DisposalOf, { trashDays }: { trashDays: number }): DisposalShape {
  return {
    deleted_at: of.deletedAt?.toISOString() ?? null,
    purge_at: purgeAt(of, trashDays)?.toISOString() ?? null,
    retained_until: of.retainedUntil?.toISOString() ?? null,
    held: of.isHeld,
    hold: of.hasHold,
    hold_reason: of.holdReason,
    hold_by: of.heldBy,
    needs_approval: of.isLastVerified,
    approved_at: of.approvedAt?.toISOString() ?? null,
    approved_by: of.approvedBy,
    approval_reason: of.approvalReason,
  }
}

function purgeAt({ deletedAt, retainedUntil }: DisposalOf, trashDays: number): Date | undefined {
  if (deletedAt === null) return undefined
  return new Date(Math.max(trashEndsAt(deletedAt, trashDays).getTime(), retainedUntil?.getTime() ?? 0))
}

/** Contract §3, review: an administrator verifies or rejects the version that they read. */
export function reviewRoutes(needs: ReviewNeeds): FastifyPluginAsyncZod {
  return async (server) => {
    server.put(
      `${oneDocument}/review`,
      {
        config: {
          right: 'documents.review',
          errors: ['gone', 'scan_pending', 'quarantined', 'precondition_failed', 'precondition_required'],
        },
        schema: {
          tags: ['documents'],
          summary: 'Verify or reject a document',
          description: 'A rejection names a reason of the type. The change of a decision needs a comment.',
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
  const etags = new Set(ifMatch.split(',').map((each) => each.trim()))
  return ifMatch.trim() === '*' ? 'anything' : (document) => etags.has(etagOf(document, needs))
}

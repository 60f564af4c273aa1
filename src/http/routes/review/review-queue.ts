import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import {
  claimBody,
  claimParams,
  type ReviewQueueSummaryShape,
  reviewQueueQuery,
  reviewQueueSummaryShape,
  type WaitingShape,
  waitingShape,
} from '../../../contract/review.ts'
import type { QueueFilter, WaitingDocument } from '../../../database/review/review-queue.ts'
import { claimDocument, claimNext, releaseClaim } from '../../../documents/review/claim-document.ts'
import {
  browseReviewQueue,
  type QueueNeeds,
  type QueueSummary,
  summarizeReviewQueue,
} from '../../../documents/review/review-queue.ts'
import type { DocumentId, FirmId } from '../../../vocabulary/vocabulary.ts'
import { etagOf, presentDocument } from '../../presenters/present-document.ts'
import { answerPage, type Cursors } from '../../requests/paging.ts'

type Server = Parameters<FastifyPluginAsyncZod>[0]
type Needs = QueueNeeds & { cursors: Cursors }

const root = '/review-queue'

/** Contract §8: what waits for a decision, and who has claimed it. */
export function reviewQueueRoutes(needs: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    addReading(server, needs)
    addClaiming(server, needs)
  }
}

function addReading(server: Server, needs: Needs): void {
  server.get(
    root,
    {
      config: { access: 'reviewer', scope: 'review', rate: 'events' },
      schema: {
        tags: ['review'],
        summary: 'List the documents that wait for a decision, oldest first',
        description: 'Without documents of firms that you belong to or left not long ago, and without your uploads.',
        querystring: reviewQueueQuery,
        response: { 200: z.array(waitingShape) },
      },
    },
    async (request, reply) => {
      const filter = filterFrom(request.query)
      const page = await answerPage(needs.cursors, { request, reply }, request.query, {
        load: (wanted) => browseReviewQueue(needs, request.actor, { filter, page: wanted }),
        positionOf: ({ waitingSinceExact: at, document: { id } }) => ({ at, id }),
      })
      return page.map((waiting) => presentWaiting(waiting, needs))
    },
  )

  server.get(
    `${root}/summary`,
    {
      config: { access: 'reviewer', scope: 'review', rate: 'events' },
      schema: {
        tags: ['review'],
        summary: 'Count the documents that wait for a decision, and your decisions of today',
        response: { 200: reviewQueueSummaryShape },
      },
    },
    async ({ actor }) => summaryOf(await summarizeReviewQueue(needs, actor), needs.now()),
  )
}

function addClaiming(server: Server, needs: Needs): void {
  server.post(
    `${root}/claim`,
    {
      config: { access: 'reviewer', scope: 'review' },
      schema: {
        tags: ['review'],
        summary: 'Claim the document that waits longest, for 10 minutes',
        description:
          'If you have claimed one already, you get that one again. `ETag` is the one of the document, for the review.',
        body: claimBody,
        response: { 200: waitingShape, 204: z.null() },
      },
    },
    async ({ actor, body }, reply) => {
      const waiting = await claimNext(needs, actor, filterFrom(body ?? {}))
      if (waiting === undefined) return reply.code(204).send(null)
      return reply.header('etag', etagOf(waiting.document, needs)).send(presentWaiting(waiting, needs))
    },
  )

  server.post(
    `${root}/claims/:document_id`,
    {
      config: { access: 'reviewer', scope: 'review', errors: ['claimed', 'gone', 'scan_pending', 'quarantined'] },
      schema: {
        tags: ['review'],
        summary: 'Claim this document for 10 minutes',
        params: claimParams,
        response: { 200: waitingShape },
      },
    },
    async ({ actor, params }, reply) => {
      const waiting = await claimDocument(needs, actor, documentOf(params))
      return reply.header('etag', etagOf(waiting.document, needs)).send(presentWaiting(waiting, needs))
    },
  )

  server.delete(
    `${root}/claims/:document_id`,
    {
      config: { access: 'reviewer', scope: 'review' },
      schema: {
        tags: ['review'],
        summary: 'Release a claim: your own, or as an administrator any',
        params: claimParams,
        response: { 204: z.null() },
      },
    },
    async ({ actor, params }, reply) => {
      await releaseClaim(needs, actor, documentOf(params))
      return reply.code(204).send(null)
    },
  )
}

function filterFrom({ document_type: documentType, firm_id: firmId }: Filter): QueueFilter {
  return { documentType, firmId: firmId as FirmId | undefined } // checked as a UUID
}

type Filter = { document_type?: string | undefined; firm_id?: string | undefined }

function documentOf({ document_id: id }: { document_id: string }): DocumentId {
  return id as DocumentId // checked as a UUID
}

function presentWaiting({ document, firmName, waitingSince, claim }: WaitingDocument, needs: Needs): WaitingShape {
  return {
    document: presentDocument(document, needs),
    firm_name: firmName,
    waiting_seconds: secondsSince(waitingSince, needs.now()),
    claimed_by: claim && { id: claim.by, name: claim.name },
    claimed_until: claim?.until.toISOString() ?? null,
  }
}

function summaryOf({ waiting, decidedToday }: QueueSummary, now: Date): ReviewQueueSummaryShape {
  const byType = waiting.map(({ documentType, oldest, ...type }) => ({
    document_type: documentType,
    waiting: type.waiting,
    oldest_waiting_seconds: secondsSince(oldest, now),
  }))
  return {
    waiting: byType.reduce((total, type) => total + type.waiting, 0),
    oldest_waiting_seconds: byType[0]?.oldest_waiting_seconds ?? null,
    by_type: byType,
    decided_today: decidedToday,
  }
}

/** The clocks of the database and of this machine may differ. */
function secondsSince(time: Date, now: Date): number {
  return Math.max(0, Math.floor((now.getTime() - time.getTime()) / 1000))
}

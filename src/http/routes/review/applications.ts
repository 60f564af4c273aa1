import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import {
  type ApplicationShape,
  applicationShape,
  applicationsQuery,
  reviewApplicationBody,
} from '../../../contract/applications.ts'
import { firmParams } from '../../../contract/documents.ts'
import type { Db } from '../../../database/connection/client.ts'
import {
  type ApplicationSeen,
  browseApplications,
  reviewApplication,
  submitApplication,
  viewApplication,
} from '../../../documents/review/applications.ts'
import type { Clock } from '../../../vocabulary/vocabulary.ts'
import { firmOf } from '../../requests/authenticate.ts'
import { answerPage, type Cursors } from '../../requests/paging.ts'

type Server = Parameters<FastifyPluginAsyncZod>[0]
type Needs = { db: Db; cursors: Cursors; now: Clock; mailIsOn: boolean }

const firm = '/security-firms/:firm_id'

/** Contract §8: a firm applies to be approved, and administrators decide. */
export function applicationRoutes(needs: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    addReading(server, needs)
    addChanging(server, needs)
  }
}

function addReading(server: Server, needs: Needs): void {
  server.get(
    '/applications',
    {
      config: { access: 'administrator', rate: 'events' },
      schema: {
        tags: ['review'],
        summary: 'List the applications of all firms, newest first',
        querystring: applicationsQuery,
        response: { 200: z.array(applicationShape) },
      },
    },
    async (request, reply) => {
      const { status } = request.query
      const applications = await answerPage(needs.cursors, { request, reply }, request.query, {
        load: (page) => browseApplications(needs, request.actor, { status, page }),
        positionOf: ({ createdAtExact: at, id }) => ({ at, id }),
      })
      return applications.map((application) => present({ application, showsNotes: true }))
    },
  )

  server.get(
    `${firm}/application`,
    {
      config: { right: 'applications.read', rate: 'events' },
      schema: {
        tags: ['review'],
        summary: 'Get the newest application of a firm',
        params: firmParams,
        response: { 200: applicationShape },
      },
    },
    async ({ actor, params }) => present(await viewApplication(needs, actor, firmOf(params))),
  )
}

function addChanging(server: Server, needs: Needs): void {
  server.post(
    `${firm}/submit-application`,
    {
      config: { right: 'applications.submit', errors: ['application_incomplete', 'conflict'] },
      schema: {
        tags: ['review'],
        summary: 'Submit the application of a firm whose checklist is complete',
        description: 'A repeat answers with the open application. After a rejection it is a new one.',
        params: firmParams,
        response: { 200: applicationShape },
      },
    },
    async ({ actor, params }) => present(await submitApplication(needs, actor, firmOf(params))),
  )

  server.put(
    `${firm}/application/review`,
    {
      config: { right: 'applications.review', errors: ['conflict'] },
      schema: {
        tags: ['review'],
        summary: 'Approve or reject the open application of a firm',
        params: firmParams,
        body: reviewApplicationBody,
        response: { 200: applicationShape },
      },
    },
    async ({ actor, params, body }) => {
      const { decision, reason = null, notes = null } = body
      const status = decision === 'approve' ? 'approved' : 'rejected'
      return present(await reviewApplication(needs, actor, firmOf(params), { status, reason, notes }))
    },
  )
}

function present({ application, showsNotes }: ApplicationSeen): ApplicationShape {
  return {
    id: application.id,
    firm_id: application.firmId,
    firm_name: application.firmName,
    status: application.status,
    submitted_at: application.submittedAt?.toISOString() ?? null,
    reviewed_at: application.reviewedAt?.toISOString() ?? null,
    reviewed_by: application.reviewedBy,
    rejection_reason: application.rejectionReason,
    ...(showsNotes && { notes: application.notes }),
  }
}

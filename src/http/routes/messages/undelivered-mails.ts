import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import { mailParams, undeliveredMailShape, undeliveredMailsQuery } from '../../../contract/operations.ts'
import type { Db } from '../../../database/connection/client.ts'
import { browseUndelivered, describeUndelivered, sendMailAgain } from '../../../operations/manage-mails.ts'
import type { Clock } from '../../../vocabulary/vocabulary.ts'
import { answerPage, type Cursors } from '../../requests/paging.ts'

type Needs = { db: Db; now: Clock; cursors: Cursors }

const tags = ['operations']

/** Mails that were not delivered, for administrators. No API key may: they have the addresses of people. */
export function undeliveredMailRoutes(needs: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    server.get(
      '/admin/mails',
      {
        config: { access: 'administrator', rate: 'events' },
        schema: {
          tags,
          summary: 'List the mails that wait or were given up, newest first',
          description: 'Mails that were given up are deleted after 30 days.',
          querystring: undeliveredMailsQuery,
          response: { 200: z.array(undeliveredMailShape) },
        },
      },
      async (request, reply) => {
        const mails = await answerPage(needs.cursors, { request, reply }, request.query, {
          load: (page) => browseUndelivered(needs, request.actor, page),
          positionOf: (mail) => ({ at: mail.queuedAtExact, id: mail.id }),
        })
        return mails.map(describeUndelivered)
      },
    )

    server.post(
      '/admin/mails/:id/retry',
      {
        config: { access: 'administrator', errors: ['not_found'] },
        schema: {
          tags,
          summary: 'Send an undelivered mail again',
          description: 'Also one that was given up. 202: it is sent soon.',
          params: mailParams,
          response: { 202: z.null() },
        },
      },
      async ({ actor, params }, reply) => {
        await sendMailAgain(needs, actor, params.id)
        return reply.code(202).send(null)
      },
    )
  }
}

import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import { documentParams, eventShape, pageQuery } from '../../contract.ts'
import type { AccessNeeds } from '../../documents/access-document.ts'
import { viewHistory } from '../../documents/browse.ts'
import { documentOf } from '../document-of.ts'
import { answerPage, type Cursors } from '../paging.ts'
import { presentEvent } from '../present-document.ts'

/** Contract §3: a document's audit trail. */
export function historyRoutes(needs: AccessNeeds & { cursors: Cursors }): FastifyPluginAsyncZod {
  return async (server) => {
    server.get(
      '/security-firms/:firm_id/documents/:id/events',
      {
        config: { right: 'documents.history', rate: 'events' },
        schema: {
          tags: ['documents'],
          summary: 'What happened to a document, newest first',
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
}

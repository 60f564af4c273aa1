import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import { messageParams, messageShape, type MessageShape, messagesQuery } from '../../../contract/messages.ts'
import type { Db } from '../../../database/connection/client.ts'
import { browseMessages, type Message, readMessage } from '../../../people/messages/messages.ts'
import type { Clock } from '../../../vocabulary/vocabulary.ts'
import { answerPage, type Cursors } from '../../requests/paging.ts'

type Needs = { db: Db; now: Clock; publicUrl: string | undefined; cursors: Cursors }

/** Contract §8: what would be or was mailed to this person. */
export function messageRoutes(needs: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    server.get(
      '/messages',
      {
        config: { access: 'signed_in', rate: 'events' },
        schema: {
          tags: ['messages'],
          summary: 'List my messages, newest first',
          description: 'Every mail to me is also a message, without its link if the link has a secret.',
          querystring: messagesQuery,
          response: { 200: z.array(messageShape) },
        },
      },
      async (request, reply) => {
        const isUnread = request.query.unread !== undefined && request.query.unread !== 'false'
        const messages = await answerPage(needs.cursors, { request, reply }, request.query, {
          load: (page) => browseMessages(needs, request.actor, { isUnread, page }),
          positionOf: (message) => ({ at: message.createdAtExact, id: message.id }),
        })
        return messages.map(present)
      },
    )

    server.post(
      '/messages/:id/read',
      {
        config: { access: 'signed_in', errors: ['not_found'] },
        schema: {
          tags: ['messages'],
          summary: 'Mark a message as read',
          description: 'A repeat changes nothing.',
          params: messageParams,
          response: { 204: z.null() },
        },
      },
      async ({ actor, params }, reply) => {
        await readMessage(needs, actor, params.id)
        return reply.code(204).send(null)
      },
    )
  }
}

function present(message: Message): MessageShape {
  return {
    id: message.id,
    kind: message.kind,
    subject: message.subject,
    text: message.text,
    firm_id: message.firmId,
    document_id: message.documentId,
    application_id: message.applicationId,
    created_at: message.createdAt.toISOString(),
    read_at: message.readAt?.toISOString() ?? null,
    mailed_at: message.mailedAt?.toISOString() ?? null,
  }
}

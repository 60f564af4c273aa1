import { Readable } from 'node:stream'

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'

import { userParams } from '../../contract/identities.ts'
import { eraseBody, type ErasureShape, erasureShape, personExportShape } from '../../contract/personal-data.ts'
import type { Db } from '../../database/connection/client.ts'
import { type ErasedPerson, erasePerson } from '../../people/personal-data/erase-person.ts'
import { exportPerson } from '../../people/personal-data/export-person.ts'
import type { Clock, UserId } from '../../vocabulary/vocabulary.ts'

/** Contract §7: the requests of a person under data protection law. */
export function personalDataRoutes(needs: { db: Db; now: Clock }): FastifyPluginAsyncZod {
  return async (server) => {
    server.get(
      '/users/:user_id/export',
      {
        config: { access: 'self_or_administrator', rate: 'exports', errors: ['forbidden', 'not_found'] },
        schema: {
          tags: ['people'],
          summary: 'Export all data that the service stores about a person',
          params: userParams,
          response: { 200: personExportShape },
        },
      },
      async (request, reply) => {
        const userId = request.params.user_id as UserId // checked as a UUID
        return await sendExport(request, reply, userId, await exportPerson(needs, request.actor, userId))
      },
    )

    server.post(
      '/users/:user_id/erase',
      {
        config: { access: 'administrator', errors: ['not_found', 'conflict'] },
        schema: {
          tags: ['people'],
          summary: 'Erase a person',
          description: 'Their id stays, and so do the documents, which are the firm’s. A repeat succeeds.',
          params: userParams,
          body: eraseBody,
          response: { 202: erasureShape },
        },
      },
      async ({ actor, params, body }, reply) => {
        const userId = params.user_id as UserId // checked as a UUID
        const erased = await erasePerson(needs, actor, { userId, evenLastAdmin: body?.even_last_admin === true })
        return await reply.code(202).send(present(erased))
      },
    )
  }
}

/** The next piece is read when the client has received the last one, so that an export takes little memory. */
async function sendExport(
  request: FastifyRequest,
  reply: FastifyReply,
  userId: UserId,
  pieces: AsyncGenerator<string>,
): Promise<FastifyReply> {
  reply.headers({
    'content-disposition': `attachment; filename=person-${userId}.json`,
    'cache-control': 'no-store',
  })
  reply.type('application/json; charset=utf-8')
  const isHead = request.method === 'HEAD'
  return await reply.send(Readable.from(isHead ? [] : pieces, { highWaterMark: 1 }))
}

function present({ userId, erasedAt, finishedAt, covers }: ErasedPerson): ErasureShape {
  return {
    user_id: userId,
    erased_at: erasedAt.toISOString(),
    is_complete: finishedAt !== null,
    covers,
    detail: meanings[covers],
  }
}

const meanings = {
  everything:
    'The account, its memberships and sessions, and the addresses of its events are erased. Backups made before still have them.',
  own_tables_and_events:
    'The data of this service and the addresses of the person’s events are erased. The account and its memberships are rows of the platform: erase them there. Backups made before still have all of it.',
} as const

import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import { documentParams, documentShape } from '../../contract.ts'
import type { AccessNeeds } from '../../documents/access-document.ts'
import { deleteDocument } from '../../documents/delete.ts'
import { restoreDocument } from '../../documents/restore.ts'
import type { Scanner } from '../../scanner/scanner.ts'
import { documentOf } from '../document-of.ts'
import { etagOf, presentDocument } from '../present-document.ts'

const root = '/security-firms/:firm_id/documents/:id'

/** Contract §3: to the trash, and back. */
export function trashRoutes(needs: AccessNeeds & { scanner: Scanner | undefined }): FastifyPluginAsyncZod {
  return async (server) => {
    server.delete(
      root,
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
      `${root}/restore`,
      {
        config: { right: 'documents.restore', errors: ['gone'] },
        schema: {
          tags: ['documents'],
          summary: 'Take a document out of the trash, as it was',
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

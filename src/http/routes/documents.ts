import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import { documentParams, documentShape, firmParams, listDocumentsQuery } from '../../contract.ts'
import { browseDocuments, viewDocument } from '../../documents/browse.ts'
import type { AccessNeeds } from '../../documents/access-document.ts'
import type { Scanner } from '../../scanner/scanner.ts'
import { documentOf, firmOf } from '../document-of.ts'
import { answerPage, type Cursors } from '../paging.ts'
import { etagOf, presentDocument } from '../present-document.ts'

export type DocumentRoutesNeeds = AccessNeeds & { cursors: Cursors; scanner: Scanner | undefined }

const root = '/security-firms/:firm_id/documents'

/** Contract §3: list, look at one. */
export function documentRoutes(needs: DocumentRoutesNeeds): FastifyPluginAsyncZod {
  return async (server) => {
    server.get(
      root,
      {
        config: { right: 'documents.list' },
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
        const documents = await answerPage(needs.cursors, { request, reply }, query, {
          load: (page) => browseDocuments(needs, actor, firmOf(params), { filter, page }),
          positionOf: (document) => ({ at: document.createdAtExact, id: document.id }),
        })
        return documents.map((document) => presentDocument(document, needs))
      },
    )

    server.get(
      `${root}/:id`,
      {
        config: { right: 'documents.read', rate: 'events' },
        schema: {
          tags: ['documents'],
          summary: 'Look at one document',
          params: documentParams,
          response: { 200: documentShape },
        },
      },
      async (request, reply) => {
        const document = await viewDocument(needs, request.actor, documentOf(request.params))
        return reply.header('etag', etagOf(document, needs)).send(presentDocument(document, needs))
      },
    )
  }
}

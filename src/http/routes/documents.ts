import type { Readable } from 'node:stream'

import type { FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import {
  documentParams,
  documentShape,
  eventShape,
  firmParams,
  idempotencyHeader,
  listDocumentsQuery,
  pageQuery,
  uploadQuery,
} from '../../contract.ts'
import { browseDocuments, viewDocument, viewHistory } from '../../documents/browse.ts'
import { upload, type UploadNeeds } from '../../documents/upload.ts'
import { AppError } from '../../errors.ts'
import type { DocumentId, FirmId } from '../../vocabulary.ts'
import { signalOfClient } from '../gone-client.ts'
import { answerPage, type Cursors } from '../paging.ts'
import { etagOf, presentDocument, presentEvent } from '../present-document.ts'

export type DocumentRoutesNeeds = UploadNeeds & { cursors: Cursors }

const root = '/security-firms/:firm_id/documents'

/** Contract §3: upload, list, look at one, its history. */
export function documentRoutes(needs: DocumentRoutesNeeds): FastifyPluginAsyncZod {
  return async (server) => {
    server.post(
      root,
      {
        config: { right: 'documents.upload' },
        schema: {
          tags: ['documents'],
          summary: 'Hand in a document',
          consumes: ['multipart/form-data'],
          params: firmParams,
          querystring: uploadQuery,
          headers: idempotencyHeader,
          response: { 201: documentShape },
        },
      },
      async (request, reply) => {
        const document = presentDocument(
          await upload(needs, request.actor, {
            firmId: request.params.firm_id as FirmId,
            documentType: request.query.document_type,
            openFile: () => openFile(request),
            declaredBytes: declaredLength(request),
            expectedSha256: request.query.sha256,
            idempotencyKey: request.headers['idempotency-key'],
            signal: signalOfClient(request, reply),
          }),
        )
        return reply
          .code(201)
          .headers({ location: addressOf(document), etag: etagOf(document) })
          .send(document)
      },
    )

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
          load: (page) => browseDocuments(needs, actor, params.firm_id as FirmId, { filter, page }),
          positionOf: (document) => ({ at: document.createdAtExact, id: document.id }),
        })
        return documents.map(presentDocument)
      },
    )

    server.get(
      `${root}/:id`,
      {
        config: { right: 'documents.read' },
        schema: {
          tags: ['documents'],
          summary: 'Look at one document',
          params: documentParams,
          response: { 200: documentShape },
        },
      },
      async (request, reply) => {
        const document = presentDocument(await viewDocument(needs, request.actor, placeOf(request.params)))
        return reply.header('etag', etagOf(document)).send(document)
      },
    )

    server.get(
      `${root}/:id/events`,
      {
        config: { right: 'documents.history' },
        schema: {
          tags: ['documents'],
          summary: 'What happened to a document, newest first',
          params: documentParams,
          querystring: pageQuery,
          response: { 200: z.array(eventShape) },
        },
      },
      async (request, reply) => {
        const events = await answerPage(needs.cursors, { request, reply }, request.query, {
          load: (page) => viewHistory(needs, request.actor, placeOf(request.params), page),
          positionOf: (event) => ({ at: event.occurredAtExact, id: event.id }),
        })
        return events.map(presentEvent)
      },
    )
  }
}

function addressOf(document: { firm_id: string; id: string }): string {
  return `/api/v1${root.replace(':firm_id', document.firm_id)}/${document.id}`
}

function placeOf(params: { firm_id: string; id: string }): { firmId: FirmId; documentId: DocumentId } {
  return { firmId: params.firm_id as FirmId, documentId: params.id as DocumentId }
}

async function openFile(request: FastifyRequest): Promise<{ fileName: string; bytes: Readable }> {
  const part = await request.file()
  if (part?.fieldname !== 'file') {
    const message = 'Send the file in a multipart field named "file", for example with: curl -F file=@licence.pdf'
    throw new AppError('validation_failed', message, { fields: [{ field: 'file', message }] })
  }
  return { fileName: part.filename, bytes: part.file }
}

function declaredLength(request: FastifyRequest): number | undefined {
  const length = request.headers['content-length']
  return length === undefined ? undefined : Number(length)
}

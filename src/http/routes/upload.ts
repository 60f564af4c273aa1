import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'

import { firmParams, idempotencyHeader, receivedDocumentShape, uploadQuery } from '../../contract.ts'
import { upload, type UploadNeeds } from '../../documents/upload.ts'
import { firmOf } from '../document-of.ts'
import { handInErrors, handInOf } from '../hand-in.ts'
import { answerReceived } from '../present-document.ts'

type Needs = UploadNeeds & { mostSecondsOfSilence: number }

/** Contract §3, upload: one file in a form's field `file`. */
export function uploadRoutes(needs: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    server.post(
      '/security-firms/:firm_id/documents',
      {
        config: {
          right: 'documents.upload',
          rate: 'uploads',
          errors: handInErrors,
        },
        schema: {
          tags: ['documents'],
          summary: 'Hand in a document',
          consumes: ['multipart/form-data'],
          params: firmParams,
          querystring: uploadQuery,
          headers: idempotencyHeader,
          response: { 201: receivedDocumentShape },
        },
      },
      async (request, reply) => {
        const { document_type: documentType, sha256 } = request.query
        const idempotencyKey = request.headers['idempotency-key']
        const document = await upload(needs, request.actor, {
          ...handInOf(request, reply, needs, { sha256, idempotencyKey }),
          firmId: firmOf(request.params),
          documentType,
        })
        return answerReceived(reply, document, needs)
      },
    )
  }
}

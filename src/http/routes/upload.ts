import type { FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'

import { documentShape, firmParams, idempotencyHeader, uploadQuery } from '../../contract.ts'
import { upload, type UploadNeeds } from '../../documents/upload.ts'
import type { FirmId } from '../../vocabulary.ts'
import { signalOfClient } from '../gone-client.ts'
import { openForm } from '../open-form.ts'
import { etagOf, presentDocument } from '../present-document.ts'

type Needs = UploadNeeds & { mostSecondsOfSilence: number }

/** Contract §3, upload: one file in a form's field `file`. */
export function uploadRoutes(needs: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    server.post(
      '/security-firms/:firm_id/documents',
      {
        config: {
          right: 'documents.upload',
          errors: [
            'bad_request',
            'conflict',
            'too_large',
            'unsupported_type',
            'empty_file',
            'infected',
            'store_unavailable',
          ],
        },
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
        const signal = signalOfClient(request, reply, needs)
        const document = presentDocument(
          await upload(needs, request.actor, {
            // The schema says that it is a UUID; whose firm it is the right decides.
            firmId: request.params.firm_id as FirmId,
            documentType: request.query.document_type,
            openFile: () => openForm(request, signal),
            declaredBytes: declaredLength(request),
            expectedSha256: request.query.sha256,
            idempotencyKey: request.headers['idempotency-key'],
            signal,
          }),
          needs,
        )
        const location = `/api/v1/security-firms/${document.firm_id}/documents/${document.id}`
        return reply
          .code(201)
          .headers({ location, etag: etagOf(document) })
          .send(document)
      },
    )
  }
}

function declaredLength(request: FastifyRequest): number | undefined {
  const length = request.headers['content-length']
  return length === undefined ? undefined : Number(length)
}

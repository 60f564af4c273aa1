import type { Readable } from 'node:stream'

import type { FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'

import { documentShape, firmParams, idempotencyHeader, uploadQuery } from '../../contract.ts'
import { upload, type UploadNeeds } from '../../documents/upload.ts'
import { AppError } from '../../errors.ts'
import type { FirmId } from '../../vocabulary.ts'
import { signalOfClient } from '../gone-client.ts'
import { etagOf, presentDocument } from '../present-document.ts'

/** Contract §3, upload: one file in a form's field `file`. */
export function uploadRoutes(needs: UploadNeeds): FastifyPluginAsyncZod {
  return async (server) => {
    server.post(
      '/security-firms/:firm_id/documents',
      {
        config: {
          right: 'documents.upload',
          errors: ['bad_request', 'conflict', 'too_large', 'unsupported_type', 'empty_file', 'store_unavailable'],
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
        const document = presentDocument(
          await upload(needs, request.actor, {
            // The schema says that it is a UUID; whose firm it is the right decides.
            firmId: request.params.firm_id as FirmId,
            documentType: request.query.document_type,
            openFile: () => openFile(request),
            declaredBytes: declaredLength(request),
            expectedSha256: request.query.sha256,
            idempotencyKey: request.headers['idempotency-key'],
            signal: signalOfClient(request, reply),
          }),
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

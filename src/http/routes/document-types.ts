import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import {
  addDocumentTypeBody,
  changeDocumentTypeBody,
  documentTypeParams,
  documentTypeShape,
  type DocumentTypeShape,
} from '../../contract/document-types.ts'
import type { Db } from '../../database/connection/client.ts'
import type { DocumentType } from '../../database/documents/document-types.ts'
import {
  addDocumentType,
  browseDocumentTypes,
  changeDocumentType,
  reasonsOf,
  viewDocumentType,
} from '../../documents/document-types.ts'

type Server = Parameters<FastifyPluginAsyncZod>[0]
type Needs = { db: Db; maxUploadBytes: number }

const root = '/document-types'

/** Contract §4: document types. */
export function documentTypeRoutes(needs: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    addReading(server, needs)
    addAdding(server, needs)
    addChanging(server, needs)
  }
}

function addReading(server: Server, needs: Needs): void {
  server.get(
    root,
    {
      config: { access: 'signed_in', scope: 'documents:read' },
      schema: {
        tags: ['document types'],
        summary: 'List the document types',
        response: { 200: z.array(documentTypeShape) },
      },
    },
    async ({ actor }) => (await browseDocumentTypes(needs, actor)).map(present),
  )

  server.get(
    `${root}/:document_type`,
    {
      config: { access: 'signed_in', scope: 'documents:read' },
      schema: {
        tags: ['document types'],
        summary: 'Get a document type by code or id',
        params: documentTypeParams,
        response: { 200: documentTypeShape },
      },
    },
    async (request) => present(await viewDocumentType(needs, request.actor, request.params.document_type)),
  )
}

function addAdding(server: Server, needs: Needs): void {
  server.post(
    root,
    {
      config: { access: 'administrator', errors: ['conflict'] },
      schema: {
        tags: ['document types'],
        summary: 'Add a document type',
        body: addDocumentTypeBody,
        response: { 201: documentTypeShape },
      },
    },
    async (request, reply) => {
      const { body } = request
      const type = await addDocumentType(needs, request.actor, {
        code: body.code,
        name: body.name,
        description: body.description,
        isRequired: body.is_required,
        isActive: body.is_active,
        maxBytes: body.max_bytes,
        allowedTypes: body.allowed_types,
        confidential: body.confidential,
        retentionDays: body.retention_days,
        proof: body.proof,
        validityMonths: body.validity_months,
        validityStated: body.validity_stated,
        rejectReasons: body.reject_reasons?.map(readReason) ?? null,
      })
      return reply.code(201).header('location', `/api/v1${root}/${type.id}`).send(present(type))
    },
  )
}

function addChanging(server: Server, needs: Needs): void {
  server.patch(
    `${root}/:document_type`,
    {
      config: { access: 'administrator' },
      schema: {
        tags: ['document types'],
        summary: 'Change a document type by code or id; its code is fixed',
        params: documentTypeParams,
        body: changeDocumentTypeBody,
        response: { 200: documentTypeShape },
      },
    },
    async (request) => {
      const { body, params } = request
      const type = await changeDocumentType(needs, request.actor, params.document_type, {
        name: body.name,
        description: body.description,
        isRequired: body.is_required,
        isActive: body.is_active,
        maxBytes: body.max_bytes,
        allowedTypes: body.allowed_types,
        confidential: body.confidential,
        retentionDays: body.retention_days,
        proof: body.proof,
        validityMonths: body.validity_months,
        validityStated: body.validity_stated,
        rejectReasons: body.reject_reasons && body.reject_reasons.map(readReason),
      })
      return present(type)
    },
  )
}

const readReason = ({ code, text, is_final: isFinal }: { code: string; text: string; is_final: boolean }) => ({
  code,
  text,
  isFinal,
})

function present(type: DocumentType): DocumentTypeShape {
  return {
    id: type.id,
    code: type.code,
    name: type.name,
    description: type.description,
    is_required: type.isRequired,
    is_active: type.isActive,
    max_bytes: type.maxBytes,
    allowed_types: type.allowedTypes,
    confidential: type.confidential,
    retention_days: type.retentionDays,
    proof: type.proof,
    validity_months: type.validityMonths,
    validity_stated: type.validityStated,
    reject_reasons: reasonsOf(type).map(({ code, text, isFinal }) => ({ code, text, is_final: isFinal })),
    created_at: type.createdAt.toISOString(),
    updated_at: type.updatedAt.toISOString(),
  }
}

import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import {
  documentParams,
  documentShape,
  firmParams,
  idempotencyHeader,
  pageQuery,
  rawUploadQuery,
  receivedDocumentShape,
  uploadQuery,
  versionParams,
  versionQuery,
} from '../../contract/documents.ts'
import type { OpeningNeeds } from '../../documents/access-document.ts'
import { addVersion, restoreVersion } from '../../documents/versions/add-version.ts'
import { viewVersions } from '../../documents/browse-documents.ts'
import { upload, type UploadNeeds } from '../../documents/upload/upload.ts'
import { documentOf, firmOf } from '../requests/authenticate.ts'
import { uploadErrors, readUploadRequest, signalOfClient } from '../requests/file-form.ts'
import { answerPage, type Cursors } from '../requests/paging.ts'
import { acceptRawFiles, readRawUpload } from '../requests/raw-file.ts'
import { sendReceived, presentDocument } from '../presenters/present-document.ts'

type Server = Parameters<FastifyPluginAsyncZod>[0]
type Needs = UploadNeeds & { maxSilenceSeconds: number }
type VersionNeeds = Needs & OpeningNeeds & { cursors: Cursors }

/** Contract §3 and §9, upload: one file in the field `file` of a form, or as the body. */
export function uploadRoutes(needs: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    await server.register(rawUploadRoute(needs))
    server.post(
      '/security-firms/:firm_id/documents',
      {
        config: {
          right: 'documents.upload',
          rate: 'uploads',
          errors: uploadErrors,
        },
        schema: {
          tags: ['documents'],
          summary: 'Upload a document',
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
          ...readUploadRequest(request, reply, needs, { sha256, idempotencyKey }),
          firmId: firmOf(request.params),
          documentType,
        })
        return sendReceived(reply, document, needs)
      },
    )
  }
}

/** For scripts: `curl -T licence.pdf`. */
function rawUploadRoute(needs: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    acceptRawFiles(server)
    server.put(
      '/security-firms/:firm_id/documents',
      {
        config: { right: 'documents.upload', rate: 'uploads', isRawFile: true, errors: uploadErrors },
        schema: {
          tags: ['documents'],
          summary: 'Upload a document as the body of the request',
          consumes: ['application/octet-stream'],
          params: firmParams,
          querystring: rawUploadQuery,
          headers: idempotencyHeader,
          response: { 201: receivedDocumentShape },
        },
      },
      async (request, reply) => {
        const { document_type: documentType, file_name: fileName, sha256 } = request.query
        const idempotencyKey = request.headers['idempotency-key']
        const document = await upload(needs, request.actor, {
          ...readRawUpload(request, reply, needs, { fileName, sha256, idempotencyKey }),
          firmId: firmOf(request.params),
          documentType,
        })
        return sendReceived(reply, document, needs)
      },
    )
  }
}

const root = '/security-firms/:firm_id/documents/:id/versions'

/** Contract §3, versions: upload, list, restore. */
export function versionRoutes(needs: VersionNeeds): FastifyPluginAsyncZod {
  return async (server) => {
    addVersionRoute(server, needs)
    listVersionsRoute(server, needs)
    restoreVersionRoute(server, needs)
  }
}

function addVersionRoute(server: Server, needs: VersionNeeds): void {
  server.post(
    root,
    {
      config: {
        right: 'documents.add_version',
        rate: 'uploads',
        errors: [...uploadErrors, 'gone'],
      },
      schema: {
        tags: ['documents'],
        summary: 'Upload a new version of a document',
        consumes: ['multipart/form-data'],
        params: documentParams,
        querystring: versionQuery,
        headers: idempotencyHeader,
        response: { 201: receivedDocumentShape },
      },
    },
    async (request, reply) => {
      const { sha256 } = request.query
      const idempotencyKey = request.headers['idempotency-key']
      const document = await addVersion(needs, request.actor, {
        ...readUploadRequest(request, reply, needs, { sha256, idempotencyKey }),
        ...documentOf(request.params),
      })
      return sendReceived(reply, document, needs)
    },
  )
}

function listVersionsRoute(server: Server, needs: VersionNeeds): void {
  server.get(
    root,
    {
      config: { right: 'documents.versions', rate: 'events' },
      schema: {
        tags: ['documents'],
        summary: 'List the versions of a document, newest first',
        params: documentParams,
        querystring: pageQuery,
        response: { 200: z.array(documentShape) },
      },
    },
    async (request, reply) => {
      const document = documentOf(request.params)
      const versions = await answerPage(needs.cursors, { request, reply }, request.query, {
        load: (page) => viewVersions(needs, request.actor, { document, page }),
        positionOf: ({ version, versionId }) => ({ at: String(version), id: versionId }),
      })
      return versions.map((version) => presentDocument(version, needs))
    },
  )
}

function restoreVersionRoute(server: Server, needs: VersionNeeds): void {
  server.post(
    `${root}/:n/restore`,
    {
      config: {
        right: 'documents.restore_version',
        rate: 'uploads',
        errors: ['gone', 'scan_pending', 'quarantined', 'quota_exceeded', 'store_unavailable'],
      },
      schema: {
        tags: ['documents'],
        summary: 'Make an old version the newest one',
        params: versionParams,
        response: { 201: documentShape },
      },
    },
    async (request, reply) => {
      const document = await restoreVersion(needs, request.actor, {
        ...documentOf(request.params),
        version: request.params.n,
        signal: signalOfClient(request, reply, needs),
      })
      // The file of a restored version is a duplicate by definition.
      return sendReceived(reply, { ...document, duplicateOf: null }, needs)
    },
  )
}

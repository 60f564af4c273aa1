import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import {
  documentParams,
  documentShape,
  idempotencyHeader,
  pageQuery,
  receivedDocumentShape,
  versionParams,
  versionQuery,
} from '../../contract.ts'
import { addVersion } from '../../documents/add-version.ts'
import { viewVersions } from '../../documents/browse.ts'
import { restoreVersion } from '../../documents/restore-version.ts'
import type { UploadNeeds } from '../../documents/upload.ts'
import { documentOf } from '../document-of.ts'
import { signalOfClient } from '../gone-client.ts'
import { handInErrors, handInOf } from '../hand-in.ts'
import { answerPage, type Cursors } from '../paging.ts'
import { answerReceived, presentDocument } from '../present-document.ts'

type Needs = UploadNeeds & { cursors: Cursors; mostSecondsOfSilence: number }

const root = '/security-firms/:firm_id/documents/:id/versions'

/** Contract §3, versions: hand in a newer one, list them, take an old one up again. */
export function versionRoutes(needs: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    await server.register(adding(needs))
    await server.register(listing(needs))
    await server.register(restoring(needs))
  }
}

function adding(needs: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    server.post(
      root,
      {
        config: {
          right: 'documents.add_version',
          rate: 'uploads',
          errors: [...handInErrors, 'gone'],
        },
        schema: {
          tags: ['documents'],
          summary: 'Hand in a newer version of a document',
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
          ...handInOf(request, reply, needs, { sha256, idempotencyKey }),
          ...documentOf(request.params),
        })
        return answerReceived(reply, document, needs)
      },
    )
  }
}

function listing(needs: Needs): FastifyPluginAsyncZod {
  return async (server) => {
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
}

function restoring(needs: Needs): FastifyPluginAsyncZod {
  return async (server) => {
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
        // That the firm has these bytes already is no news to whoever asked for them.
        return answerReceived(reply, { ...document, duplicateOf: null }, needs)
      },
    )
  }
}

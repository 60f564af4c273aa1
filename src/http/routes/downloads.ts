import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import type { EventActor } from '../../database/audit/events.ts'
import { documentParams, downloadLinkShape, downloadQuery, versionParams } from '../../contract/documents.ts'
import {
  type AskedOfLink,
  createRecentUses,
  followLink,
  type FollowLinkNeeds,
} from '../../documents/download/follow-link.ts'
import { type IssuedDownload, issueDownload } from '../../documents/download/issue-download.ts'
import { openBlob, type OpenBlobNeeds } from '../../documents/download/open-stored-file.ts'
import { sendFile, wantsLink } from '../presenters/send-file.ts'
import { documentOf, visitorOf } from '../requests/authenticate.ts'

type Server = Parameters<FastifyPluginAsyncZod>[0]
type Needs = Omit<FollowLinkNeeds, 'uses'> & OpenBlobNeeds

/** Contract §3, download: a redirect to S3, the file from local disk, or a link as JSON. */
export function downloadRoutes(needs: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    addDocumentDownloads(server, needs)
    addLinkDownload(server, needs)
  }
}

function addDocumentDownloads(server: Server, needs: Needs): void {
  const config = {
    right: 'documents.download',
    rate: 'downloads',
    sendsFile: 'or_a_link',
    errors: ['gone', 'scan_pending', 'quarantined', 'range_not_satisfiable', 'store_unavailable'],
  } as const
  const root = '/security-firms/:firm_id/documents/:id'
  const schema = { tags: ['documents'], querystring: downloadQuery }

  server.get(
    `${root}/download`,
    { config, schema: { ...schema, summary: 'Download a document', params: documentParams } },
    async (request, reply) => {
      const wanted = { ...documentOf(request.params), ...request.query }
      return answerDownload(needs, request, reply, await issueDownload(needs, request.actor, wanted))
    },
  )

  server.get(
    `${root}/versions/:n/download`,
    { config, schema: { ...schema, summary: 'Download one version of a document', params: versionParams } },
    async (request, reply) => {
      const wanted = { ...documentOf(request.params), version: request.params.n, ...request.query }
      return answerDownload(needs, request, reply, await issueDownload(needs, request.actor, wanted))
    },
  )
}

function addLinkDownload(server: Server, needs: Needs): void {
  const followNeeds = { ...needs, uses: createRecentUses(needs.now) }
  server.get(
    '/files/:token',
    {
      config: {
        access: 'public',
        rate: 'downloads',
        sendsFile: 'itself',
        errors: ['forbidden', 'gone', 'scan_pending', 'quarantined', 'range_not_satisfiable', 'store_unavailable'],
      },
      schema: {
        tags: ['documents'],
        summary: 'Download a locally stored file by its signed link',
        params: z.object({ token: z.string() }),
      },
    },
    async (request, reply) => {
      const visitor = visitorOf(request)
      const issued = await followLink(followNeeds, visitor, { token: request.params.token, asked: askedOf(request) })
      // Anybody may have the link, so who found a damaged file is unknown.
      return sendIssued(needs, { request, reply, finder: { userId: null, ...visitor } }, issued)
    },
  )
}

/** A range that is not sure to be answered as one, such as one with `If-Range`, counts as the file. */
function askedOf({ method, headers }: FastifyRequest): AskedOfLink {
  if (method === 'HEAD') return 'headers'
  const isLater = headers['if-range'] === undefined && /^bytes=[1-9]\d*-\d*$/.test(headers.range ?? '')
  return isLater ? 'rest' : 'content'
}

async function answerDownload(
  needs: OpenBlobNeeds,
  request: FastifyRequest,
  reply: FastifyReply,
  issued: IssuedDownload,
): Promise<FastifyReply> {
  if (wantsLink(request)) {
    const { url, expiresAt } = await issued.sign()
    return reply.headers(withoutReferrer).send(downloadLinkShape.parse({ url, expires_at: expiresAt.toISOString() }))
  }
  return sendIssued(needs, { request, reply, finder: request.actor }, issued)
}

type Exchange = { request: FastifyRequest; reply: FastifyReply; finder: EventActor }

/** A local file itself, or a redirect to S3. */
async function sendIssued(
  needs: OpenBlobNeeds,
  { request, reply, finder }: Exchange,
  issued: IssuedDownload,
): Promise<FastifyReply> {
  if (issued.bytes.store === 's3') {
    const { url } = await issued.sign()
    return reply.headers(withoutReferrer).redirect(url, 302)
  }
  const { document, contentType, disposition } = issued
  return sendFile(request, reply, {
    bytes: await openBlob(needs, finder, issued.bytes),
    fileName: document.fileName,
    contentType,
    disposition,
  })
}

const withoutReferrer = { 'referrer-policy': 'no-referrer' }

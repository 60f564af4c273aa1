import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import { archiveQuery, downloadLinkShape, firmParams } from '../../../contract/documents.ts'
import {
  archiveFirm,
  type ArchiveNeeds,
  type ArchiveRequest,
  describeArchive,
} from '../../../documents/archive/archive-firm.ts'
import {
  type ArchiveLinkNeeds,
  errorForArchiveLink,
  readArchiveLink,
  signArchiveLink,
} from '../../../documents/archive/archive-link.ts'
import { createArchiveLimit } from '../../../documents/archive/limit-archives-at-once.ts'
import { dayInJohannesburg } from '../../../vocabulary/days.ts'
import type { Actor } from '../../../vocabulary/vocabulary.ts'
import { sendArchive, wantsLink } from '../../presenters/send-file.ts'
import { firmOf, visitorOf } from '../../requests/authenticate.ts'

type Server = Parameters<FastifyPluginAsyncZod>[0]
type Needs = ArchiveNeeds & ArchiveLinkNeeds

/** Contract §8: one archive of all documents of a firm, as such or by a link for browsers. */
export function archiveRoutes(given: Omit<Needs, 'limit'>): FastifyPluginAsyncZod {
  const needs = { ...given, limit: createArchiveLimit() }
  return async (server) => {
    addArchive(server, needs)
    addLinkedArchive(server, needs)
  }
}

function addArchive(server: Server, needs: Needs): void {
  server.get(
    '/security-firms/:firm_id/documents.zip',
    {
      config: {
        right: 'documents.export',
        rate: 'archives',
        sendsFile: 'archive_or_a_link',
        errors: ['store_unavailable'],
      },
      schema: {
        tags: ['documents'],
        summary: 'Download all documents of a firm as a ZIP',
        description:
          '`manifest.csv` in it lists every file with its hash and review, and those that are left out with the reason.',
        params: firmParams,
        querystring: archiveQuery,
      },
    },
    async (request, reply) => {
      const { actor, params, query } = request
      const wanted = { firmId: firmOf(params), withVersions: query.include === 'versions' }
      if (!wantsLink(request)) return answerArchive(needs, { request, reply }, { actor, wanted })
      const { url, expiresAt } = await signArchiveLink(needs, actor, wanted)
      reply.header('referrer-policy', 'no-referrer')
      return reply.send(downloadLinkShape.parse({ url, expires_at: expiresAt.toISOString() }))
    },
  )
}

function addLinkedArchive(server: Server, needs: Needs): void {
  server.get(
    '/archives/:token',
    {
      config: {
        access: 'public',
        rate: 'downloads',
        sendsFile: 'archive',
        errors: ['forbidden', 'not_found', 'store_unavailable'],
      },
      schema: {
        tags: ['documents'],
        summary: 'Download all documents of a firm as a ZIP, by a signed link',
        params: z.object({ token: z.string() }),
      },
    },
    async (request, reply) => {
      const linked = await readArchiveLink(needs, visitorOf(request), request.params.token)
      return answerArchive(needs, { request, reply }, linked).catch((error: unknown) => {
        throw errorForArchiveLink(error)
      })
    },
  )
}

async function answerArchive(
  needs: Needs,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
  { actor, wanted }: { actor: Actor; wanted: ArchiveRequest },
): Promise<FastifyReply> {
  const { firmName, content } =
    request.method === 'HEAD'
      ? { ...(await describeArchive(needs, actor, wanted)), content: undefined }
      : await archiveFirm(needs, actor, wanted)
  return sendArchive(request, reply, {
    fileName: `${firmName} documents ${dayInJohannesburg(needs.now())}.zip`,
    content,
  })
}

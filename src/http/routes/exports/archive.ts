import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'

import { archiveQuery, firmParams } from '../../../contract/documents.ts'
import { archiveFirm, type ArchiveNeeds, describeArchive } from '../../../documents/archive/archive-firm.ts'
import { createArchiveLimit } from '../../../documents/archive/limit-archives.ts'
import { dayInJohannesburg } from '../../../vocabulary/days.ts'
import { sendArchive } from '../../presenters/send-file.ts'
import { firmOf } from '../../requests/authenticate.ts'

/** Contract §8: one archive of all documents of a firm. */
export function archiveRoutes(given: Omit<ArchiveNeeds, 'limit'>): FastifyPluginAsyncZod {
  const needs = { ...given, limit: createArchiveLimit() }
  return async (server) => {
    server.get(
      '/security-firms/:firm_id/documents.zip',
      {
        config: {
          right: 'documents.export',
          rate: 'archives',
          sendsFile: 'archive',
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
        const { firmName, content } =
          request.method === 'HEAD'
            ? { ...(await describeArchive(needs, actor, wanted)), content: undefined }
            : await archiveFirm(needs, actor, wanted)
        return sendArchive(request, reply, {
          fileName: `${firmName} documents ${dayInJohannesburg(needs.now())}.zip`,
          content,
        })
      },
    )
  }
}

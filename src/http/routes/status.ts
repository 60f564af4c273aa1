import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'

import type { ReadinessShape } from '../../contract-operations.ts'
import { statusShape } from '../../contract-status.ts'
import { seeStatus, type SeeStatusNeeds } from '../../operations/see-status.ts'
import { presentStatus } from '../present-status.ts'

export type StatusRoutesNeeds = SeeStatusNeeds & {
  instance: string
  version: string
  lookAtReadiness: () => Promise<ReadinessShape>
}

/** How the whole is doing, for administrators of the platform. */
export function statusRoutes(needs: StatusRoutesNeeds): FastifyPluginAsyncZod {
  return async (server) => {
    server.get(
      '/admin/status',
      {
        config: { access: 'administrator' },
        schema: {
          tags: ['operations'],
          summary: 'How the service is doing: its jobs, stores, scanner, trash, seals and tables',
          description:
            'What the database knows is the same at every instance; the rest is that of the one that answers.',
          response: { 200: statusShape },
        },
      },
      async ({ actor }) => {
        const status = await seeStatus(needs, actor)
        const readiness = await needs.lookAtReadiness()
        return presentStatus(status, readiness, needs)
      },
    )
  }
}

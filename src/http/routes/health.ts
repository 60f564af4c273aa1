import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'

import { healthShape, type ReadinessShape, readinessShape } from '../../contract-operations.ts'

type Needs = { lookAtReadiness: () => Promise<ReadinessShape> }

/** Whether the process lives, and whether it can do its work. For whoever decides where requests go. */
export function healthRoutes({ lookAtReadiness }: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    server.get(
      '/healthz',
      {
        config: { access: 'public', isProbe: true },
        schema: { tags: ['operations'], summary: 'Alive', response: { 200: healthShape } },
      },
      async () => ({ status: 'ok' as const }),
    )

    server.get(
      '/readyz',
      {
        config: { access: 'public', isProbe: true },
        schema: {
          tags: ['operations'],
          summary: 'Ready for work: the database, each store, the scanner and the jobs',
          response: { 200: readinessShape, 503: readinessShape },
        },
      },
      async (_request, reply) => {
        const readiness = await lookAtReadiness()
        const isTakingRequests = readiness.status === 'ready' || readiness.status === 'degraded'
        return reply.code(isTakingRequests ? 200 : 503).send(readiness)
      },
    )
  }
}

import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import { healthShape, type ReadinessShape, readinessShape, statusShape } from '../../contract/operations.ts'
import { readStatus, type StatusNeeds } from '../../operations/service-status.ts'
import { createGaugeReader, type GaugeNeeds } from '../../operations/measure-gauges.ts'
import { presentStatus } from '../presenters/present-status.ts'

type Needs = { checkReadiness: () => Promise<ReadinessShape> }

/** Liveness and readiness, for load balancers. */
export function healthRoutes({ checkReadiness }: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    server.get(
      '/healthz',
      {
        config: { access: 'public', isProbe: true },
        schema: { tags: ['operations'], summary: 'Get liveness', response: { 200: healthShape } },
      },
      async () => ({ status: 'ok' as const }),
    )

    server.get(
      '/readyz',
      {
        config: { access: 'public', isProbe: true },
        schema: {
          tags: ['operations'],
          summary: 'Get readiness: the database, each store, the scanner and the jobs',
          response: { 200: readinessShape, 503: readinessShape },
        },
      },
      async (_request, reply) => {
        const readiness = await checkReadiness()
        const isTakingRequests = readiness.status === 'ready' || readiness.status === 'degraded'
        return reply.code(isTakingRequests ? 200 : 503).send(readiness)
      },
    )
  }
}

export type StatusRoutesNeeds = StatusNeeds & {
  instance: string
  version: string
  checkReadiness: () => Promise<ReadinessShape>
}

/** The state of the service, for administrators of the platform. */
export function statusRoutes(needs: StatusRoutesNeeds): FastifyPluginAsyncZod {
  return async (server) => {
    server.get(
      '/admin/status',
      {
        config: { access: 'administrator' },
        schema: {
          tags: ['operations'],
          summary: 'Get the state of jobs, stores, scanner, trash, seals and tables',
          description:
            'Facts from the database are the same at every instance; the others belong to the instance that answers.',
          response: { 200: statusShape },
        },
      },
      async ({ actor }) => {
        const status = await readStatus(needs, actor)
        const readiness = await needs.checkReadiness()
        return presentStatus(status, readiness, needs)
      },
    )
  }
}

/** Metrics in the text format of Prometheus; docs/metrics.md explains each one. */
export function metricsRoutes(needs: GaugeNeeds): FastifyPluginAsyncZod {
  const { registry } = needs.metrics
  const readGauges = createGaugeReader(needs)
  return async (server) => {
    server.get(
      '/metrics',
      {
        config: { access: 'public', isProbe: true },
        schema: {
          tags: ['operations'],
          summary: 'Get metrics for Prometheus',
          response: { 200: { description: 'Metrics', content: { 'text/plain': { schema: z.string() } } } },
        },
      },
      async (_request, reply) => {
        await readGauges()
        return reply.type(registry.contentType).send(await registry.metrics())
      },
    )
  }
}

import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import { levelMeter, type LevelsNeeds } from '../level-meter.ts'

/** What was counted, in the text format of Prometheus. What each name means stands in docs/metrics.md. */
export function metricsRoutes(needs: LevelsNeeds): FastifyPluginAsyncZod {
  const { registry } = needs.metrics
  const measureLevels = levelMeter(needs)
  return async (server) => {
    server.get(
      '/metrics',
      {
        config: { access: 'public', isProbe: true },
        schema: {
          tags: ['operations'],
          summary: 'Figures for Prometheus',
          response: { 200: { description: 'Figures', content: { 'text/plain': { schema: z.string() } } } },
        },
      },
      async (_request, reply) => {
        await measureLevels()
        return reply.type(registry.contentType).send(await registry.metrics())
      },
    )
  }
}

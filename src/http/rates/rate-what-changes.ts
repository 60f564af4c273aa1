import type { FastifyInstance } from 'fastify'

const readingMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * What changes something stands in the audit trail, which nobody may fill: it counts as an event where its route names no
 * other rate. A route that only reads and yet leaves an event says so itself.
 */
export function rateWhatChanges(server: FastifyInstance): void {
  server.addHook('onRoute', (route) => {
    const { config, method } = route
    const isReading = [method].flat().every((each) => readingMethods.has(each))
    if (isReading || config === undefined || config.rate !== undefined || config.access === 'public') return
    route.config = { ...config, rate: 'events' }
  })
}

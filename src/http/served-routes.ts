import type { FastifyContextConfig, FastifyInstance } from 'fastify'

export type ServedRoute = {
  method: string
  url: string
  right: FastifyContextConfig['right'] | undefined
  access: FastifyContextConfig['access'] | undefined
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Every route and whom it lets in; test/security holds each against a table of answers. */
    servedRoutes: readonly ServedRoute[]
  }
}

/** Keeps the list of routes; to be called before the first of them is added. */
export function keepServedRoutes(server: FastifyInstance): void {
  const routes: ServedRoute[] = []
  server.decorate('servedRoutes', routes)
  server.addHook('onRoute', ({ method, url, config }) => {
    for (const each of [method].flat()) routes.push({ method: each, url, right: config?.right, access: config?.access })
  })
}

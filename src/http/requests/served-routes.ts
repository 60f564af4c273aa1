import type { FastifyContextConfig, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import { AppError } from '../../errors/app-error.ts'

export type ServedRoute = {
  method: string
  url: string
  right: FastifyContextConfig['right'] | undefined
  access: FastifyContextConfig['access'] | undefined
  scope: FastifyContextConfig['scope'] | undefined
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Every route and who may call it; test/security checks each one. */
    servedRoutes: readonly ServedRoute[]
  }
}

/**
 * Records the routes; call it before the first one is added. An address with other methods answers 405 with `Allow`, an
 * unknown one 404, whatever the body.
 */
export function recordRoutes(server: FastifyInstance): void {
  const routes: ServedRoute[] = []
  server.decorate('servedRoutes', routes)
  server.addHook('onRoute', ({ method, url, config }) => {
    const { right, access, scope } = config ?? {}
    for (const each of [method].flat()) routes.push({ method: each, url, right, access, scope })
  })

  const reject = (request: FastifyRequest, reply: FastifyReply): never => {
    const path = (request.url.split('?')[0] ?? '').replace(/\/+$/, '')
    const methods = new Set(routes.filter(({ url }) => matches(url, path)).map(({ method }) => method))
    if (methods.size === 0) throw new AppError('not_found', 'There is nothing at this address.')
    const allowed = [...methods].join(', ')
    reply.header('allow', allowed)
    throw new AppError('method_not_allowed', `This address does not support ${request.method}. It supports ${allowed}.`)
  }
  server.setNotFoundHandler(reject)
  // After the CORS hook, whose headers a page needs to read the error.
  server.addHook('preParsing', async (request, reply) => {
    if (request.is404) reject(request, reply)
  })
}

function matches(pattern: string, path: string): boolean {
  const wanted = pattern.replace(/\/+$/, '').split('/')
  const given = path.split('/')
  return wanted.length === given.length && wanted.every((part, index) => part.startsWith(':') || part === given[index])
}

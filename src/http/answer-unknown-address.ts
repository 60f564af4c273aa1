import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import { AppError } from '../errors.ts'

/** An address that takes other methods is 405 with `Allow`, any other 404; whatever body comes along is not looked at. */
export function answerUnknownAddress(server: FastifyInstance): void {
  const methodsByPattern = new Map<string, Set<string>>()
  server.addHook('onRoute', ({ url, method }) => {
    const methods = methodsByPattern.get(url) ?? new Set()
    for (const each of [method].flat()) methods.add(each)
    methodsByPattern.set(url, methods)
  })

  const refuse = (request: FastifyRequest, reply: FastifyReply): never => {
    const path = (request.url.split('?')[0] ?? '').replace(/\/+$/, '')
    const patterns = [...methodsByPattern.keys()].filter((pattern) => matches(pattern, path))
    const allowed = patterns.flatMap((pattern) => Array.from(methodsByPattern.get(pattern) ?? []))
    if (allowed.length === 0) throw new AppError('not_found', 'There is nothing at this address.')
    reply.header('allow', [...new Set(allowed)].join(', '))
    throw new AppError(
      'method_not_allowed',
      `This address does not take ${request.method}; it takes ${[...new Set(allowed)].join(', ')}.`,
    )
  }
  server.setNotFoundHandler(refuse)
  // After the rules about origins, whose headers a page needs to read the refusal.
  server.addHook('preParsing', async (request, reply) => {
    if (request.is404) refuse(request, reply)
  })
}

function matches(pattern: string, path: string): boolean {
  const wanted = pattern.replace(/\/+$/, '').split('/')
  const given = path.split('/')
  return wanted.length === given.length && wanted.every((part, index) => part.startsWith(':') || part === given[index])
}

import type { FastifyInstance, FastifyRequest } from 'fastify'

import { AppError } from '../../errors/app-error.ts'
import type { RightName } from '../../people/rights.ts'
import type { Actor, DocumentId, FirmId, UserId, Visitor } from '../../vocabulary/vocabulary.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A right in the firm that the path names; checked by the verb that the route calls. */
    right?: RightName
    /** For routes outside a firm: nobody need be known, anybody known, only who can be a firm's member, or only administrators. */
    access?: 'public' | 'signed_in' | 'registered_user' | 'administrator'
  }
  interface FastifyRequest {
    /** Who asks. Throws `unauthenticated` on a route that lets nobody unknown in. */
    actor: Actor
  }
}

export type AuthenticateNeeds = { identify: (token: string, visitor: Visitor) => Promise<{ userId: UserId }> }

/** Every route asks for a valid access token unless its config says `access: 'public'`. */
export function authenticate(server: FastifyInstance, { identify }: AuthenticateNeeds): void {
  const actors = new WeakMap<FastifyRequest, Actor>()
  server.decorateRequest('actor', {
    getter(this: FastifyRequest) {
      const actor = actors.get(this)
      if (actor === undefined) throw new AppError('unauthenticated', 'Log in first.')
      return actor
    },
  })

  server.addHook('onRequest', async (request) => {
    const { access, right } = request.routeOptions.config
    if (request.is404 || access === 'public') return
    if (access === undefined && right === undefined)
      throw new Error(`${request.routeOptions.url} names neither a right nor an access`)
    const visitor = visitorOf(request)
    const { userId } = await identify(bearerToken(request), visitor)
    actors.set(request, { userId, ...visitor })
  })
}

function bearerToken(request: FastifyRequest): string {
  const [scheme, token, ...rest] = (request.headers.authorization ?? '').split(' ')
  if (scheme?.toLowerCase() !== 'bearer' || token === undefined || token === '' || rest.length > 0)
    throw new AppError(
      'unauthenticated',
      'Send your access token in the header "Authorization: Bearer …". Log in to get one.',
    )
  return token
}

/** The firm that an address names. The route's schema says that it is a UUID; whose it is the right decides. */
export function firmOf(params: { firm_id: string }): FirmId {
  return params.firm_id as FirmId
}

/** The document that an address names, in the firm that it names. */
export function documentOf(params: { firm_id: string; id: string }): { firmId: FirmId; documentId: DocumentId } {
  // As with the firm: a UUID by the schema, and in that firm only if the database finds it there.
  return { firmId: firmOf(params), documentId: params.id as DocumentId }
}

/** What the audit trail keeps of a request, whoever makes it. */
export function visitorOf(request: FastifyRequest): Visitor {
  return {
    requestId: request.id,
    ip: addressOf(request),
    userAgent: (request.headers['user-agent'] ?? '').slice(0, 500),
  }
}

/** Where a request comes from. A client that has gone already has no address any more, whatever the framework's type says. */
export function addressOf(request: FastifyRequest): string {
  const address = request.ip as string | undefined
  return address ?? 'gone'
}

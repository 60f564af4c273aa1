import type { FastifyInstance, FastifyRequest } from 'fastify'

import { AppError } from '../../errors/app-error.ts'
import { currentRequester } from '../../logging/spans.ts'
import type { RightName } from '../../people/rights.ts'
import type { Actor, ApiKeyScope, Caller, DocumentId, FirmId, Visitor } from '../../vocabulary/vocabulary.ts'
import { ownRequestId } from './record-requests.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A right in the firm of the path or of the body. The use case that the route calls checks it. */
    right?: RightName
    /**
     * Who may call a route outside a firm. `registered_user`: a person who can be a member of a
     * firm. `enrolling`: also one who must set up a second factor first. `own_password`: a
     * registered user, also one who must change a generated password first. `own_email`: a person, also
     * one who must set up a second factor first.
     * `reviewer`: reviewers and administrators of the platform.
     * `self_or_administrator`: the person of the path, and administrators.
     */
    access?:
      | 'public'
      | 'signed_in'
      | 'registered_user'
      | 'enrolling'
      | 'own_password'
      | 'own_email'
      | 'reviewer'
      | 'self_or_administrator'
      | 'administrator'
    /** The scope with which API keys may call a route outside a firm. The use case checks it. A right has its own. */
    scope?: ApiKeyScope
  }
  interface FastifyRequest {
    /** The authenticated caller. Throws `unauthenticated` if there is none. */
    actor: Actor
  }
}

export type AuthenticateNeeds = {
  identify: (token: string, visitor: Visitor) => Promise<Caller>
  /** Runs after an error of an identified caller, before the answer. */
  afterDenial: (actor: Actor, error: unknown) => Promise<void>
}

/** Requires a valid access token on every route without `access: 'public'`. */
export function authenticate(server: FastifyInstance, { identify, afterDenial }: AuthenticateNeeds): void {
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
    const caller = await identify(bearerToken(request), visitor)
    actors.set(request, { ...caller, ...visitor })
    const requester = currentRequester()
    if (requester !== undefined) requester.person = caller.userId
  })
  server.addHook('onError', async (request, _reply, error) => {
    const actor = actors.get(request)
    if (actor !== undefined) await afterDenial(actor, error)
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

/** The firm of a path. The route's schema checks that it is a UUID, the right that the caller may use it. */
export function firmOf(params: { firm_id: string }): FirmId {
  return params.firm_id as FirmId
}

/** The document of a path, in the firm of the path. */
export function documentOf(params: { firm_id: string; id: string }): { firmId: FirmId; documentId: DocumentId } {
  // The schema checks the UUID; the database checks that the firm has the document.
  return { firmId: firmOf(params), documentId: params.id as DocumentId }
}

/** The facts of a request for the audit trail. */
export function visitorOf(request: FastifyRequest): Visitor {
  const requestId = ownRequestId(request)
  return {
    requestId,
    ...(requestId === request.id ? {} : { callerRequestId: request.id }),
    ip: addressOf(request),
    userAgent: (request.headers['user-agent'] ?? '').slice(0, 500),
  }
}

/** The client's address. It is undefined after the client left, contrary to Fastify's type. */
export function addressOf(request: FastifyRequest): string {
  const address = request.ip as string | undefined
  return address ?? 'gone'
}

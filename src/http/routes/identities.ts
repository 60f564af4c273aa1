import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import { pageQuery } from '../../contract/documents.ts'
import {
  identityParams,
  identityShape,
  type IdentityShape,
  linkIdentityBody,
  userParams,
} from '../../contract/identities.ts'
import type { Identity } from '../../database/people/identities.ts'
import { AppError } from '../../errors/app-error.ts'
import type { NotifyNeeds } from '../../mail/notify.ts'
import { browseIdentities, linkIdentity, unlinkIdentity } from '../../people/accounts/identities.ts'
import type { ProofNeeds } from '../../people/passwords/prove-password.ts'
import type { IdentityId, UserId } from '../../vocabulary/vocabulary.ts'
import { answerPage, type Cursors } from '../requests/paging.ts'

type Server = Parameters<FastifyPluginAsyncZod>[0]
type Needs = ProofNeeds & NotifyNeeds & { cursors: Cursors; usualIssuer: string | undefined }

const root = '/users/:user_id/identities'

/** Contract §2: links from subjects of an OpenID provider to people. */
export function identityRoutes(needs: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    addReading(server, needs)
    addChanging(server, needs)
  }
}

function addReading(server: Server, needs: Needs): void {
  server.get(
    root,
    {
      config: { access: 'administrator', rate: 'events' },
      schema: {
        tags: ['people'],
        summary: 'List the linked OpenID logins of a person, newest first',
        params: userParams,
        querystring: pageQuery,
        response: { 200: z.array(identityShape) },
      },
    },
    async (request, reply) => {
      const userId = request.params.user_id as UserId
      const identities = await answerPage(needs.cursors, { request, reply }, request.query, {
        load: (page) => browseIdentities(needs, request.actor, userId, page),
        positionOf: (identity) => ({ at: identity.linkedAtExact, id: identity.id }),
      })
      return identities.map(present)
    },
  )
}

function addChanging(server: Server, needs: Needs): void {
  server.post(
    root,
    {
      config: { access: 'administrator', errors: ['conflict'] },
      schema: {
        tags: ['people'],
        summary: 'Link an OpenID login to a person',
        description: 'Tokens with this `sub` authenticate this person from the next request on.',
        params: userParams,
        body: linkIdentityBody,
        response: { 201: identityShape },
      },
    },
    async ({ actor, body, params }, reply) => {
      const issuer = requireIssuer(body.issuer ?? needs.usualIssuer)
      const identity = { issuer, subject: body.subject, userId: params.user_id as UserId }
      return reply.code(201).send(present(await linkIdentity(needs, actor, { ...identity, password: body.password })))
    },
  )

  server.delete(
    `${root}/:identity_id`,
    {
      config: { access: 'administrator' },
      schema: {
        tags: ['people'],
        summary: 'Unlink an OpenID login from a person',
        params: identityParams,
        response: { 204: z.null() },
      },
    },
    async ({ actor, params }, reply) => {
      await unlinkIdentity(needs, actor, {
        id: params.identity_id as IdentityId,
        userId: params.user_id as UserId,
      })
      return reply.code(204).send(null)
    },
  )
}

function requireIssuer(issuer: string | undefined): string {
  if (issuer !== undefined) return issuer
  const message = 'is missing, and JWT_ISSUER is not set'
  throw new AppError('validation_failed', `Not valid: issuer: ${message}.`, { fields: [{ field: 'issuer', message }] })
}

function present({ id, userId, issuer, subject, linkedBy, linkedAt }: Identity): IdentityShape {
  return { id, user_id: userId, issuer, subject, linked_by: linkedBy, linked_at: linkedAt.toISOString() }
}

import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import {
  apiKeyParams,
  apiKeyShape,
  type ApiKeyShape,
  apiKeysQuery,
  madeApiKeyShape,
  newApiKeyBody,
} from '../../contract/api-keys.ts'
import type { ApiKey } from '../../database/people/api-keys.ts'
import { browseApiKeys, deleteApiKey, makeApiKey } from '../../people/api-keys/api-keys.ts'
import type { ApiKeyId, FirmId } from '../../vocabulary/vocabulary.ts'
import { answerPage, type Cursors } from '../requests/paging.ts'

type Server = Parameters<FastifyPluginAsyncZod>[0]
type Needs = Parameters<typeof makeApiKey>[0] & { cursors: Cursors }

/** Contract §7: keys for programs. No key may make, list or delete keys. */
export function apiKeyRoutes(needs: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    addMaking(server, needs)
    addListing(server, needs)
    addDeleting(server, needs)
  }
}

function addMaking(server: Server, needs: Needs): void {
  server.post(
    '/api-keys',
    {
      config: { right: 'api_keys.create', errors: ['conflict', 'email_unverified'] },
      schema: {
        tags: ['api keys'],
        summary: 'Make an API key',
        description: 'The answer is the only one with the key. A `firm_admin` makes keys of their own firm.',
        body: newApiKeyBody,
        response: { 201: madeApiKeyShape },
      },
    },
    async ({ actor, body }, reply) => {
      const made = await makeApiKey(needs, actor, {
        name: body.name,
        scopes: body.scopes,
        firmId: body.firm_id as FirmId | undefined, // checked as a UUID
        expiresAt: body.expires_at === undefined ? undefined : new Date(body.expires_at),
        password: body.password,
      })
      return reply.code(201).send({ id: made.id, key: made.key, prefix: made.prefix })
    },
  )
}

function addListing(server: Server, needs: Needs): void {
  server.get(
    '/api-keys',
    {
      config: { access: 'signed_in', rate: 'events' },
      schema: {
        tags: ['api keys'],
        summary: 'List API keys, newest first, never with the key itself',
        description: 'My keys and those of firms where I am `firm_admin`; every key for an administrator.',
        querystring: apiKeysQuery,
        response: { 200: z.array(apiKeyShape) },
      },
    },
    async (request, reply) => {
      const firmId = request.query.firm_id as FirmId | undefined // checked as a UUID
      const keys = await answerPage(needs.cursors, { request, reply }, request.query, {
        load: (page) => browseApiKeys(needs, request.actor, { ...page, firmId }),
        positionOf: (key) => ({ at: key.createdAtExact, id: key.id }),
      })
      return keys.map(present)
    },
  )
}

function addDeleting(server: Server, needs: Needs): void {
  server.delete(
    '/api-keys/:id',
    {
      config: { access: 'signed_in', errors: ['not_found'] },
      schema: {
        tags: ['api keys'],
        summary: 'Delete an API key',
        description: 'The next request with the key is denied.',
        params: apiKeyParams,
        response: { 204: z.null() },
      },
    },
    async ({ actor, params }, reply) => {
      await deleteApiKey(needs, actor, params.id as ApiKeyId) // checked as a UUID
      return reply.code(204).send(null)
    },
  )
}

function present(key: ApiKey): ApiKeyShape {
  return {
    id: key.id,
    name: key.name,
    prefix: key.prefix,
    scopes: key.scopes,
    firm_id: key.firmId,
    created_by: key.userId,
    created_at: key.createdAt.toISOString(),
    expires_at: key.expiresAt.toISOString(),
    last_used_at: key.lastUsedAt?.toISOString() ?? null,
  }
}

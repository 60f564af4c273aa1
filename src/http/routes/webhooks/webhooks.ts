import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import {
  changeWebhookBody,
  madeWebhookShape,
  newWebhookBody,
  webhookParams,
  webhookShape,
  type WebhookShape,
  webhooksQuery,
} from '../../../contract/webhooks.ts'
import type { Webhook } from '../../../database/webhooks/webhooks.ts'
import type { FirmId, WebhookId } from '../../../vocabulary/vocabulary.ts'
import {
  browseWebhooks,
  changeWebhook,
  registerWebhook,
  removeWebhook,
  type WebhookNeeds,
} from '../../../webhooks/manage-webhooks.ts'
import { answerPage, type Cursors } from '../../requests/paging.ts'

type Server = Parameters<FastifyPluginAsyncZod>[0]
type Needs = WebhookNeeds & { cursors: Cursors }

const root = '/webhooks'
const tags = ['webhooks']
/** No API key may: a webhook lives longer than the key. */
const access = 'administrator'

/** Contract §8: webhooks. */
export function webhookRoutes(needs: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    addRegistering(server, needs)
    addListing(server, needs)
    addChanging(server, needs)
    addDeleting(server, needs)
  }
}

function addRegistering(server: Server, needs: Needs): void {
  server.post(
    root,
    {
      config: { access, errors: ['conflict', 'not_found'] },
      schema: {
        tags,
        summary: 'Register a webhook',
        description:
          'The answer is the only one with the secret, which signs every request as Standard Webhooks says. docs/webhooks.md has the events. Nothing is delivered to a private or loopback address unless `WEBHOOK_ALLOW_PRIVATE=on`.',
        body: newWebhookBody,
        response: { 201: madeWebhookShape },
      },
    },
    async ({ actor, body }, reply) => {
      const firmId = body.firm_id as FirmId | null // checked as a UUID
      return reply.code(201).send(await registerWebhook(needs, actor, { ...body, firmId, password: body.password }))
    },
  )
}

function addListing(server: Server, needs: Needs): void {
  server.get(
    root,
    {
      config: { access },
      schema: {
        tags,
        summary: 'List the webhooks, newest first, without their secrets',
        querystring: webhooksQuery,
        response: { 200: z.array(webhookShape) },
      },
    },
    async (request, reply) => {
      const webhooks = await answerPage(needs.cursors, { request, reply }, request.query, {
        load: (page) => browseWebhooks(needs, request.actor, page),
        positionOf: (webhook) => ({ at: webhook.createdAtExact, id: webhook.id }),
      })
      return webhooks.map(present)
    },
  )
}

function addChanging(server: Server, needs: Needs): void {
  server.patch(
    `${root}/:id`,
    {
      config: { access, errors: ['not_found'] },
      schema: {
        tags,
        summary: 'Change, enable or disable a webhook',
        description:
          'A webhook that is enabled again, or gets another URL, receives its waiting events at once. Events that happen while it is disabled are not sent later.',
        params: webhookParams,
        body: changeWebhookBody,
        response: { 200: webhookShape },
      },
    },
    async ({ actor, params, body: { password, ...body } }) => {
      const change = {
        ...(body.url !== undefined && { url: body.url }),
        ...(body.events !== undefined && { events: body.events }),
        ...(body.enabled !== undefined && { enabled: body.enabled }),
      }
      return present(await changeWebhook(needs, actor, { id: idOf(params), change, password }))
    },
  )
}

function addDeleting(server: Server, needs: Needs): void {
  server.delete(
    `${root}/:id`,
    {
      config: { access, errors: ['not_found'] },
      schema: {
        tags,
        summary: 'Delete a webhook with its deliveries',
        params: webhookParams,
        response: { 204: z.null() },
      },
    },
    async ({ actor, params }, reply) => {
      await removeWebhook(needs, actor, idOf(params))
      return reply.code(204).send(null)
    },
  )
}

function idOf({ id }: { id: string }): WebhookId {
  return id as WebhookId // checked as a UUID
}

function present(webhook: Webhook): WebhookShape {
  return {
    id: webhook.id,
    url: webhook.url,
    events: webhook.events,
    firm_id: webhook.firmId,
    enabled: webhook.enabled,
    disabled_reason: webhook.disabledReason,
    failing_since: webhook.failingSince?.toISOString() ?? null,
    created_by: webhook.createdBy,
    created_at: webhook.createdAt.toISOString(),
  }
}

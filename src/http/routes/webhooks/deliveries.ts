import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import {
  deliveryParams,
  deliveryShape,
  type DeliveryShape,
  webhookParams,
  webhooksQuery,
} from '../../../contract/webhooks.ts'
import type { Db } from '../../../database/connection/client.ts'
import type { Delivery } from '../../../database/webhooks/deliveries.ts'
import type { Clock, DeliveryId, WebhookId } from '../../../vocabulary/vocabulary.ts'
import { browseDeliveries, sendDeliveryAgain, testWebhook } from '../../../webhooks/manage-deliveries.ts'
import { answerPage, type Cursors } from '../../requests/paging.ts'

type Server = Parameters<FastifyPluginAsyncZod>[0]
type Needs = { db: Db; now: Clock; cursors: Cursors }

const root = '/webhooks/:id'
const tags = ['webhooks']
const config = { access: 'administrator', errors: ['not_found'] } as const

/** Contract §8: deliveries of webhooks. */
export function deliveryRoutes(needs: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    addListing(server, needs)
    addSending(server, needs)
  }
}

function addListing(server: Server, needs: Needs): void {
  server.get(
    `${root}/deliveries`,
    {
      config,
      schema: {
        tags,
        summary: 'List the deliveries of a webhook, newest first',
        description: 'They are deleted after 30 days.',
        params: webhookParams,
        querystring: webhooksQuery,
        response: { 200: z.array(deliveryShape) },
      },
    },
    async (request, reply) => {
      const id = idOf(request.params)
      const deliveries = await answerPage(needs.cursors, { request, reply }, request.query, {
        load: (page) => browseDeliveries(needs, request.actor, { ...page, id }),
        positionOf: (delivery) => ({ at: delivery.createdAtExact, id: delivery.id }),
      })
      return deliveries.map(present)
    },
  )
}

function addSending(server: Server, needs: Needs): void {
  server.post(
    `${root}/deliveries/:delivery_id/retry`,
    {
      config,
      schema: {
        tags,
        summary: 'Send a delivery again, with the same `webhook-id`',
        description: 'Also one that was given up or delivered, and of a disabled webhook. 202: it is sent soon.',
        params: deliveryParams,
        response: { 202: z.null() },
      },
    },
    async ({ actor, params }, reply) => {
      const deliveryId = params.delivery_id as DeliveryId // checked as a UUID
      await sendDeliveryAgain(needs, actor, { webhookId: idOf(params), deliveryId })
      return reply.code(202).send(null)
    },
  )

  server.post(
    `${root}/test`,
    {
      config,
      schema: {
        tags,
        summary: 'Send the event `webhook.test`',
        description: 'Also to a disabled webhook. 202: it is sent soon.',
        params: webhookParams,
        response: { 202: z.null() },
      },
    },
    async ({ actor, params }, reply) => {
      await testWebhook(needs, actor, idOf(params))
      return reply.code(202).send(null)
    },
  )
}

function idOf({ id }: { id: string }): WebhookId {
  return id as WebhookId // checked as a UUID
}

function present(delivery: Delivery): DeliveryShape {
  return {
    id: delivery.id,
    event: delivery.event,
    attempts: delivery.attempts,
    last_status: delivery.lastStatus,
    last_error: delivery.error,
    next_attempt_at: delivery.nextAttemptAt?.toISOString() ?? null,
    delivered_at: delivery.deliveredAt?.toISOString() ?? null,
  }
}

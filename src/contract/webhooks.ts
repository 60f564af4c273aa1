import { z } from 'zod'

import { pageQuery, time, uuid } from './documents.ts'

/** Schemas of webhooks. */

export const webhookEvents = [
  'document.uploaded',
  'document.verified',
  'document.rejected',
  'document.expiring',
  'document.expired',
  'document.quarantined',
  'application.submitted',
  'application.approved',
  'application.rejected',
] as const
export type WebhookEvent = (typeof webhookEvents)[number]

const url = z
  .string()
  .max(2000)
  .refine(isWebhookUrl, 'must be a URL that begins http:// or https://, without a user, a password or a # in it')
  .meta({ example: 'https://portal.example.com/hooks/documents' })

function isWebhookUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password } = new URL(text)
  return ['http:', 'https:'].includes(protocol) && username === '' && password === '' && !text.includes('#')
}

const events = z
  .array(z.enum(webhookEvents))
  .min(1)
  .refine((all) => new Set(all).size === all.length, 'must name each event once')
  .meta({ example: ['document.verified', 'document.rejected'] })

const password = z.string().min(1).max(1000).optional().meta({
  description: 'My password. Required when the login of the session is more than 10 minutes old.',
})

export const newWebhookBody = z
  .strictObject({
    url,
    events,
    firm_id: uuid.nullable().default(null).meta({ description: 'Null or absent: every firm.' }),
    password,
  })
  .meta({ id: 'NewWebhook' })

export const changeWebhookBody = z
  .strictObject({
    url: url.optional(),
    events: events.optional(),
    enabled: z.boolean().optional(),
    password: password.meta({
      description: 'My password. Required for another URL when the login of the session is more than 10 minutes old.',
    }),
  })
  .refine((change) => Object.keys(change).some((name) => name !== 'password'), 'must change something')
  .meta({ id: 'WebhookChange' })

export const madeWebhookShape = z
  .object({
    id: uuid,
    secret: z.string().meta({
      description: 'Shown only here. It signs every request, as Standard Webhooks says.',
      example: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwTj0Eqm0W1PQ=',
    }),
  })
  .meta({ id: 'MadeWebhook' })

export const webhookShape = z
  .object({
    id: uuid,
    url: z.string(),
    events: z.array(z.enum(webhookEvents)),
    firm_id: uuid.nullable().meta({ description: 'Null: every firm.' }),
    enabled: z.boolean(),
    disabled_reason: z.enum(['given_up', 'gone']).nullable().meta({
      description:
        'Why the service disabled it: an event was not delivered within three days, or the receiver answered 410. Null: a person disabled it, or it is enabled.',
    }),
    failing_since: time.nullable().meta({ description: 'The first failure since the last success.' }),
    created_by: uuid,
    created_at: time,
  })
  .meta({ id: 'Webhook' })
export type WebhookShape = z.infer<typeof webhookShape>

export const deliveryShape = z
  .object({
    id: uuid.meta({ description: 'Also the header `webhook-id`.' }),
    event: z.string().meta({ example: 'document.verified' }),
    attempts: z.int(),
    last_status: z.int().nullable().meta({ description: 'Status of the last answer. Null: there was none.' }),
    last_error: z.string().nullable().meta({ description: 'Why the last attempt failed.' }),
    next_attempt_at: time.nullable().meta({ description: 'Null: delivered or given up.' }),
    delivered_at: time.nullable(),
  })
  .meta({ id: 'WebhookDelivery' })
export type DeliveryShape = z.infer<typeof deliveryShape>

export const webhooksQuery = pageQuery
export const webhookParams = z.object({ id: uuid })
export const deliveryParams = z.object({ id: uuid, delivery_id: uuid })

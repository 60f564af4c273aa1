import { createHmac, randomBytes } from 'node:crypto'

/** Standard Webhooks: secrets have this prefix before the base64 of their key. */
const secretPrefix = 'whsec_'
const keyBytes = 32

export function createWebhookSecret(): string {
  return `${secretPrefix}${randomBytes(keyBytes).toString('base64')}`
}

export type SignedMessage = { headers: Record<string, string>; body: string }

type Message = {
  /** The same in every repeat, so that a receiver recognizes it. */
  id: string
  /** The time of this attempt: receivers reject old requests. */
  sentAt: Date
  body: string
}

/** Signs a message as Standard Webhooks 1.0 says: HMAC-SHA256 of id, time and body. */
export function signMessage(secret: string, { id, sentAt, body }: Message): SignedMessage {
  const timestamp = Math.floor(sentAt.getTime() / 1000).toString()
  const key = Buffer.from(secret.slice(secretPrefix.length), 'base64')
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return {
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`,
    },
    body,
  }
}

import type { Letter } from './layout.ts'

/** `host`: of the webhook's URL. The rest may be a secret, and mails are readable on their way. */
export type DisabledWebhookFacts = {
  webhookId: string
  host: string
  reason: 'given_up' | 'gone'
  /** Why the last attempt failed, in a sentence of the service's own. */
  error: string
}

/** To the administrators of the platform, who alone choose the host. */
export function webhookDisabled({ webhookId, host, reason, error }: DisabledWebhookFacts): Letter {
  const webhook = `The webhook to “${host}” was disabled`
  return {
    subject: 'A webhook was disabled',
    paragraphs: [
      reason === 'gone'
        ? `${webhook}: its receiver answered 410, which means that it wants no more events.`
        : `${webhook}: an event could not be delivered for three days. The last attempt: ${error}`,
      `Its receiver gets no events. Those that waited when it was disabled stay for 30 days; those that happen while it is disabled are not sent later. Id: ${webhookId}.`,
    ],
    closing: [
      'Ask the people of the receiver to repair it, then enable the webhook. If nobody needs it any more, delete it.',
    ],
  }
}

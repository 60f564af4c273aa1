import { setTimeout as wait } from 'node:timers/promises'

import type { Logger } from 'pino'

import type { MailConfig } from '../config/load-config.ts'
import { type Db, readClock } from '../database/connection/client.ts'
import { deliverMail } from '../mail/deliver-mail.ts'
import { createMailSender } from '../mail/smtp.ts'
import type { UnsubscribeKeys } from '../mail/unsubscribe-token.ts'

type Needs = {
  db: Db
  log: Logger
  config: { mail: MailConfig | undefined }
  keys: { unsubscribeLinks: UnsubscribeKeys }
}

const defaultTimes = {
  everyMs: 5_000,
  /** A server that is down is not asked at every look. */
  afterFailureMs: 30_000,
}

/** Sends queued mails until it is closed. It is no job of the queue: people wait for these mails. Off without a mail server. */
export function startMailDelivery(
  { db, log, config, keys }: Needs,
  { everyMs, afterFailureMs } = defaultTimes,
): { close(): Promise<void> } {
  const ending = new AbortController()
  const { signal } = ending
  const { mail } = config
  if (mail === undefined) return { close: async () => Promise.resolve() }
  const { publicUrl } = mail
  const send = createMailSender(mail)

  async function loop(): Promise<void> {
    while (!signal.aborted) {
      const isFailing = await deliverOnce()
      await wait(isFailing ? afterFailureMs : everyMs, undefined, { signal, ref: false }).catch(() => undefined)
    }
  }

  async function deliverOnce(): Promise<boolean> {
    try {
      const { server_fails: isFailing, ...counts } = await deliverMail(
        { db, log, now: await readClock(db), send, publicUrl, keys },
        signal,
      )
      if (counts.sent > 0) log.info({ event: 'mail_delivered', ...counts })
      return isFailing
    } catch (error) {
      log.warn({ event: 'mail_delivery_failed', err: error }, 'mail could not be delivered')
      return true
    }
  }

  const looping = loop()
  return {
    async close() {
      ending.abort(new Error('The worker is ending.'))
      await looping
    },
  }
}

import { setTimeout as wait } from 'node:timers/promises'

import type { Logger } from 'pino'

import type { Config } from '../config/load-config.ts'
import { type Db, readClock } from '../database/connection/client.ts'
import type { Clock } from '../vocabulary/vocabulary.ts'
import { claimNext, deliver, type DeliverNeeds, type Lane } from '../webhooks/deliver-webhooks.ts'
import { isPublicAddress } from '../webhooks/public-address.ts'
import { createPoster } from '../webhooks/send-post.ts'

type Needs = Omit<DeliverNeeds, 'now' | 'post'> & { log: Logger; config: Pick<Config, 'webhookAllowPrivate'> }

const defaultTimes = { everyMs: 1000 }

/** Receivers that fail have senders of their own, so that they never delay the others. */
const lanes = [
  { isFailing: false, maxAtOnce: 8 },
  { isFailing: true, maxAtOnce: 4 },
]

/** Sends due webhooks until it is closed. It is no job of the queue: a receiver waits for them. */
export function startWebhookDelivery(needs: Needs, { everyMs } = defaultTimes): { close(): Promise<void> } {
  const { db, log, config } = needs
  const ending = new AbortController()
  const { signal } = ending
  const post = createPoster({ isAllowed: config.webhookAllowPrivate ? () => true : isPublicAddress })
  const readTime = clockOf(db)

  async function serve({ maxAtOnce, ...lane }: Lane & { maxAtOnce: number }): Promise<void> {
    const running = new Set<Promise<unknown>>()
    while (!signal.aborted) {
      const send = await claim(lane)
      if (send === undefined) {
        await wait(everyMs, undefined, { signal, ref: false }).catch(() => undefined)
        continue
      }
      const sending = send().finally(() => running.delete(sending))
      running.add(sending)
      if (running.size >= maxAtOnce) await Promise.race(running)
    }
    // An attempt ends within seconds, and its outcome is then known.
    await Promise.all(running)
  }

  /** Returns what makes the claimed attempt. Neither throws. */
  async function claim(lane: Lane): Promise<(() => Promise<unknown>) | undefined> {
    try {
      const timed = { ...needs, now: await readTime(), post }
      const delivery = await claimNext(timed, lane)
      return delivery && (() => deliver(timed, delivery).catch(logBroken))
    } catch (error) {
      logBroken(error)
      return undefined
    }
  }

  const logBroken = (error: unknown) =>
    log.warn({ event: 'webhook_delivery_broken', err: error }, 'webhooks could not be delivered')

  const serving = lanes.map(serve)
  return {
    async close() {
      ending.abort(new Error('The worker is ending.'))
      await Promise.all(serving)
    },
  }
}

const clockMs = 60_000

/** The database's clock, read once a minute. */
function clockOf(db: Db): () => Promise<Clock> {
  let known: { clock: Clock; until: number } | undefined
  return async () => {
    if (known === undefined || performance.now() > known.until)
      known = { clock: await readClock(db), until: performance.now() + clockMs }
    return known.clock
  }
}

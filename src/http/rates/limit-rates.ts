import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'

import type { RateKind, RateLimits } from '../../config-limits.ts'
import type { Db } from '../../database/client.ts'
import { digestEmail } from '../../database/login-failures.ts'
import { type Bucket, leasePermits } from '../../database/rates.ts'
import type { Metrics } from '../../metrics.ts'
import { isRecorded } from '../../people/record-refusal.ts'
import type { Clock } from '../../vocabulary.ts'
import { addressOf } from '../address-of.ts'
import { type Exhausted, holdPermits } from './hold-permits.ts'
import { networkOf } from './network-of.ts'
import { rateWhatChanges } from './rate-what-changes.ts'
import { tooMany } from './too-many.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a request counts as; undefined: as an event if it changes something or is refused, and else as nothing. */
    rate?: RateKind
  }
}

export type LimitRatesNeeds = {
  db: Db
  log: Pick<Logger, 'warn'>
  metrics: Pick<Metrics, 'rateRefusals' | 'rateLeases'>
  now: Clock
  limits: RateLimits
}

type Of = 'person' | 'address'
type Limited = { kind: RateKind; of: Of; bucket: Bucket }

/**
 * Refuses who has done too much of one thing in an hour, before a byte of the body is read: `rate_limited`. An address
 * counts with all that comes from it, a person wherever they are; at a login, which is nobody's yet, it is the e-mail.
 * To be called after `authenticate`, and before the routes.
 */
export function limitRates(server: FastifyInstance, { db, log, metrics, now, limits }: LimitRatesNeeds): void {
  const permits = holdPermits({
    lease: (wishes) => leasePermits(db, wishes),
    now,
    onLease: (outcome) => metrics.rateLeases.inc({ outcome }),
    onFailure(error) {
      metrics.rateLeases.inc({ outcome: 'failed' })
      log.warn({ event: 'rates_not_held', err: error }, 'for some seconds nobody is refused for doing too much')
    },
  })

  function refuse(request: FastifyRequest, limited: Limited[], exhausted: Exhausted | undefined): void {
    const refused = limited.find(({ bucket }) => bucket.name === exhausted?.bucket.name)
    if (exhausted === undefined || refused === undefined) return
    const { kind, of } = refused
    metrics.rateRefusals.inc({ kind, of })
    // Once in a while and not in the audit trail: to refuse must cost less than to answer.
    if (exhausted.isNews)
      log.warn(
        {
          event: 'rate_limited',
          kind,
          of,
          ip: addressOf(request),
          user_id: personOf(request),
          per_hour: refused.bucket.perHour,
        },
        'somebody does more than they may in an hour',
      )
    throw tooMany(refused, exhausted.retryAfterSeconds)
  }

  function bucketOf(kind: RateKind, of: Of, whose: string | undefined): Limited[] {
    const perHour = limits[kind][of]
    if (perHour === undefined || whose === undefined) return []
    return [{ kind, of, bucket: { name: `${kind}:${of}:${whose}`, perHour } }]
  }

  const limitedOf = (kind: RateKind, request: FastifyRequest): Limited[] => [
    ...bucketOf(kind, 'person', personOf(request)),
    ...bucketOf(kind, 'address', networkOf(addressOf(request))),
  ]

  async function spend(request: FastifyRequest, limited: Limited[]): Promise<void> {
    refuse(request, limited, await permits.spend(bucketsOf(limited)))
  }

  rateWhatChanges(server)
  server.addHook('onRequest', async (request) => {
    const { rate, access } = request.routeOptions.config
    if (request.is404) return
    if (rate !== undefined) return spend(request, limitedOf(rate, request))
    if (access === 'public') return
    const limited = limitedOf('events', request)
    refuse(request, limited, permits.look(bucketsOf(limited)))
  })
  // Of a route that only reads, what it refuses alone stands in the audit trail.
  server.addHook('onError', async (request, _reply, error) => {
    if (request.routeOptions.config.rate === undefined && isRecorded(error))
      await permits.spend(bucketsOf(limitedOf('events', request)))
  })
  server.addHook('preHandler', async (request) => {
    const email = request.routeOptions.config.rate === 'logins' ? emailOf(request) : undefined
    // By the digest that failures are counted under, which the database makes as it finds accounts.
    if (email !== undefined && limits.logins.person !== undefined)
      await spend(request, bucketOf('logins', 'person', await digestEmail(db, email)))
  })
}

const bucketsOf = (limited: Limited[]): Bucket[] => limited.map(({ bucket }) => bucket)

/** Undefined where nobody need be known. */
function personOf(request: FastifyRequest): string | undefined {
  const { access } = request.routeOptions.config
  return access === 'public' ? undefined : request.actor.userId
}

function emailOf({ body }: FastifyRequest): string | undefined {
  if (typeof body !== 'object' || body === null || !('email' in body)) return undefined
  return String(body.email)
}

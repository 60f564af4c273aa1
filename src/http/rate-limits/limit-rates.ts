import type { FastifyInstance, FastifyRequest } from 'fastify'
import ipaddr from 'ipaddr.js'
import type { Logger } from 'pino'

import type { RateKind, RateLimits } from '../../config/settings.ts'
import type { Db } from '../../database/connection/client.ts'
import { type Bucket, leasePermits } from '../../database/people/rate-limits.ts'
import { AppError } from '../../errors/app-error.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import type { Clock } from '../../vocabulary/vocabulary.ts'
import { addressOf } from '../requests/authenticate.ts'
import { type Exhausted, holdPermits, type Permits } from './lease-rate-limits.ts'
import { digestEmail } from '../../database/people/login-lockout.ts'
import { isRecorded } from '../../people/require-right.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a request counts as; undefined: as an event if it changes something or is refused, and else as nothing. */
    rate?: RateKind
  }
}

/**
 * Rejects with `rate_limited`, before the body is read: by person, by address, and at a login by e-mail. Call it after
 * `authenticate`, and before the routes.
 */
export function limitRates(server: FastifyInstance, { db, rates }: { db: Db; rates: Rates }): void {
  // A change stands in the audit trail, which nobody may fill. A reading route that leaves an event names its rate itself.
  server.addHook('onRoute', (route) => {
    const { config, method } = route
    const isReading = [method].flat().every((each) => readingMethods.has(each))
    if (isReading || config === undefined || config.rate !== undefined || config.access === 'public') return
    route.config = { ...config, rate: 'events' }
  })
  server.addHook('onRequest', async (request) => {
    const { rate, access } = request.routeOptions.config
    if (request.is404) return
    if (rate !== undefined) await rates.spend(rate, callerOf(request))
    else if (access !== 'public') rates.look('events', callerOf(request))
  })
  // Of a route that only reads, what it refuses alone stands in the audit trail.
  server.addHook('onError', async (request, _reply, error) => {
    if (request.routeOptions.config.rate === undefined && isRecorded(error))
      await rates.note('events', callerOf(request))
  })
  server.addHook('preHandler', async (request) => {
    const email = request.routeOptions.config.rate === 'logins' ? emailOf(request) : undefined
    // By the digest that failures are counted under, which the database makes as it finds accounts.
    if (email !== undefined) await rates.spendOfPerson('logins', addressOf(request), () => digestEmail(db, email))
  })
}

/** Nobody where nobody need be known. */
function callerOf(request: FastifyRequest): Caller {
  const { access } = request.routeOptions.config
  const userId = access === 'public' ? undefined : request.actor.userId
  return { ip: addressOf(request), person: userId, userId }
}

function emailOf({ body }: FastifyRequest): string | undefined {
  if (typeof body !== 'object' || body === null || !('email' in body)) return undefined
  return String(body.email)
}

const readingMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

type Needs = {
  db: Db
  log: Pick<Logger, 'warn'>
  metrics: Pick<Metrics, 'rateLimitedRequests' | 'rateLimitLeases'>
  now: Clock
  limits: RateLimits
}

/** Whom a call counts for. `person`: as whom they count, whatever names them; `userId`: who they are, where that is known. */
type Caller = { ip: string; person: string | undefined; userId: string | undefined }

/** What each person and each address may do in an hour; whoever has done too much is refused: `rate_limited`. */
type Rates = {
  spend(kind: RateKind, caller: Caller): Promise<void>
  /** For the person alone; as whom they count is asked where it matters. */
  spendOfPerson(kind: RateKind, ip: string, asWhom: () => Promise<string>): Promise<void>
  /** Refuses whoever is known to have nothing left, and spends nothing. */
  look(kind: RateKind, caller: Caller): void
  /** Spends for what was answered already, and refuses nobody. */
  note(kind: RateKind, caller: Caller): Promise<void>
}

type Limited = Bucket & { kind: RateKind; of: 'person' | 'address' }

export function createRateLimits(needs: Needs): Rates {
  const permits = sharePermits(needs)

  function bucketOf(kind: RateKind, of: Limited['of'], whose: string | undefined): Limited[] {
    const perHour = needs.limits[kind][of]
    return perHour === undefined || whose === undefined ? [] : [{ kind, of, name: `${kind}:${of}:${whose}`, perHour }]
  }

  const ofBoth = (kind: RateKind, { ip, person }: Caller) => [
    ...bucketOf(kind, 'person', person),
    ...bucketOf(kind, 'address', networkOf(ip)),
  ]

  return {
    async spend(kind, caller) {
      refuse(needs, caller, await permits.spend(ofBoth(kind, caller)))
    },
    async spendOfPerson(kind, ip, asWhom) {
      if (needs.limits[kind].person === undefined) return
      const person = await asWhom()
      refuse(needs, { ip, person, userId: undefined }, await permits.spend(bucketOf(kind, 'person', person)))
    },
    look(kind, caller) {
      refuse(needs, caller, permits.look(ofBoth(kind, caller)))
    },
    async note(kind, caller) {
      logOnce(needs, caller, await permits.spend(ofBoth(kind, caller)))
    },
  }
}

function sharePermits({ db, log, metrics, now }: Needs): Permits<Limited> {
  return holdPermits({
    lease: (wishes) => leasePermits(db, wishes),
    now,
    onLease: (outcome) => metrics.rateLimitLeases.inc({ outcome }),
    onFailure(error) {
      metrics.rateLimitLeases.inc({ outcome: 'failed' })
      log.warn({ event: 'rates_not_held', err: error }, 'for some seconds nobody is refused for doing too much')
    },
  })
}

function refuse(needs: Needs, caller: Caller, exhausted: Exhausted<Limited> | undefined): void {
  if (exhausted === undefined) return
  const { kind, of } = exhausted.bucket
  needs.metrics.rateLimitedRequests.inc({ kind, of })
  logOnce(needs, caller, exhausted)
  throw tooMany(exhausted)
}

/** Once in a while and not in the audit trail: to refuse must cost less than to answer. */
function logOnce({ log }: Needs, { ip, userId }: Caller, exhausted: Exhausted<Limited> | undefined): void {
  if (exhausted?.isNews !== true) return
  const { kind, of, perHour } = exhausted.bucket
  log.warn(
    { event: 'rate_limited', kind, of, ip, user_id: userId, per_hour: perHour },
    'somebody does more than they may in an hour',
  )
}

/** Whom an address stands for: one IPv4 address, or the /64 of an IPv6 one, of which a single machine has as many as it likes. */
export function networkOf(address: string): string {
  // What a proxy of the operator's puts there need not be an address.
  if (!ipaddr.isValid(address)) return address.slice(0, 64)
  const parsed = ipaddr.process(address)
  if (!(parsed instanceof ipaddr.IPv6)) return parsed.toString()
  const network = [...parsed.parts.slice(0, 4), 0, 0, 0, 0]
  return `${new ipaddr.IPv6(network).toString()}/64`
}

const things: Record<RateKind, string> = {
  uploads: 'files handed in',
  downloads: 'downloads',
  logins: 'logins',
  events: 'calls that are kept on record',
}

function tooMany({ bucket: { kind, of, perHour }, retryAfterSeconds }: Exhausted<Limited>): AppError {
  const whose = of === 'person' ? 'by one person' : 'from one network'
  return new AppError(
    'rate_limited',
    `Too many ${things[kind]} ${whose}: ${perHour} an hour are allowed. Go on ${inWords(retryAfterSeconds)}, and more slowly; who needs more asks the platform’s support.`,
    { retryAfterSeconds },
  )
}

function inWords(seconds: number): string {
  if (seconds <= 1) return 'in a second'
  if (seconds < 120) return `in ${seconds} seconds`
  return `in ${Math.ceil(seconds / 60)} minutes`
}

import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'

import type { RateKind, RateLimits } from '../../config/rate-limits-and-quotas.ts'
import type { Db } from '../../database/connection/client.ts'
import { digestEmail } from '../../database/passwords/login-failures.ts'
import { type Bucket, leaseCalls } from '../../database/people/rate-limits.ts'
import { AppError } from '../../errors/app-error.ts'
import { outsideOfWork } from '../../logging/spans.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import { isRecorded } from '../../people/require-right.ts'
import { networkOfMachine } from '../../vocabulary/networks.ts'
import type { Clock } from '../../vocabulary/vocabulary.ts'
import { addressOf } from '../requests/authenticate.ts'
import { createRateLimiter, type Exhausted, type RateLimiter } from './lease-rate-limits.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The kind that a request counts as. Undefined: `events` if it changes something or is denied, else nothing. */
    rate?: RateKind
  }
}

/**
 * Rejects with `rate_limited`, before the body is read: by person, by address, and at a login or a registration by e-mail. Call it after
 * `authenticate`, and before the routes.
 */
export function limitRates(server: FastifyInstance, { db, rates }: { db: Db; rates: Rates }): void {
  const counted = new WeakSet<FastifyRequest>()
  // A change leaves an audit event, and nobody may flood the trail. A read route that leaves an event sets its rate itself.
  server.addHook('onRoute', (route) => {
    const { config, method } = route
    const isRead = [method].flat().every((each) => readMethods.has(each))
    if (isRead || config === undefined || config.rate !== undefined || config.access === 'public') return
    route.config = { ...config, rate: 'events' }
  })
  server.addHook('onRequest', async (request) => {
    const { access } = request.routeOptions.config
    const rate = rateOf(request)
    if (request.is404) return
    if (rate !== undefined) {
      await rates.spend(rate, callerOf(request))
      counted.add(request)
    } else if (access !== 'public') rates.peek('events', callerOf(request))
  })
  server.addHook('onResponse', (request, { statusCode }, done) => {
    const rate = rateOf(request)
    if (rate !== undefined && statusCode === 503 && counted.has(request)) rates.giveBack(rate, callerOf(request))
    done()
  })
  // On a read route, only a denial leaves an audit event.
  server.addHook('onError', async (request, _reply, error) => {
    if (request.routeOptions.config.rate === undefined && isRecorded(error))
      await rates.count('events', callerOf(request))
  })
  server.addHook('preHandler', async (request) => {
    const { access, rate } = request.routeOptions.config
    const email = access === 'public' ? emailOf(request) : undefined
    if (rate === undefined || email === undefined) return
    // The digest of failed logins, which the database computes as it finds accounts.
    await rates.spendOfPerson(rate, addressOf(request), () => digestEmail(db, email))
  })
}

/** HEAD of an archive sends none, and does not count as one. */
function rateOf({ method, routeOptions: { config } }: FastifyRequest): RateKind | undefined {
  return method === 'HEAD' && config.rate === 'archives' ? 'events' : config.rate
}

/** Without a person on public routes. */
function callerOf(request: FastifyRequest): Caller {
  const { access } = request.routeOptions.config
  const userId = access === 'public' ? undefined : request.actor.userId
  return { ip: addressOf(request), person: userId, userId }
}

function emailOf({ body }: FastifyRequest): string | undefined {
  if (typeof body !== 'object' || body === null || !('email' in body)) return undefined
  return String(body.email)
}

const readMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

type Needs = {
  db: Db
  log: Pick<Logger, 'warn'>
  metrics: Pick<Metrics, 'rateLimitedRequests' | 'rateLimitLeases'>
  now: Clock
  limits: RateLimits
}

/** The caller of a request. `person`: the key that they are counted under; `userId`: for the log, if known. */
type Caller = { ip: string; person: string | undefined; userId: string | undefined }

/** Hourly limits for each person and each address. Throws `rate_limited`. */
type Rates = {
  spend(kind: RateKind, caller: Caller): Promise<void>
  /** Counts for the person only. `findPerson` runs only if such a limit is set. */
  spendOfPerson(kind: RateKind, ip: string, findPerson: () => Promise<string>): Promise<void>
  /** Throws for a caller that is known to be at the limit, and counts nothing. */
  peek(kind: RateKind, caller: Caller): void
  /** Stops counting a request that failed because the database did not answer. */
  giveBack(kind: RateKind, caller: Caller): void
  /** Counts a request that was answered already, and never throws. */
  count(kind: RateKind, caller: Caller): Promise<void>
}

type Limited = Bucket & { kind: RateKind; of: 'person' | 'address' }

export function createRateLimits(needs: Needs): Rates {
  const limiter = createLimiter(needs)

  function bucketOf(kind: RateKind, of: Limited['of'], whose: string | undefined): Limited[] {
    const perHour = needs.limits[kind][of]
    return perHour === undefined || whose === undefined ? [] : [{ kind, of, name: `${kind}:${of}:${whose}`, perHour }]
  }

  const ofBoth = (kind: RateKind, { ip, person }: Caller) => [
    ...bucketOf(kind, 'person', person),
    ...bucketOf(kind, 'address', networkOfMachine(ip)),
  ]

  return {
    async spend(kind, caller) {
      deny(needs, caller, await limiter.spend(ofBoth(kind, caller)))
    },
    async spendOfPerson(kind, ip, findPerson) {
      if (needs.limits[kind].person === undefined) return
      const person = await findPerson()
      deny(needs, { ip, person, userId: undefined }, await limiter.spend(bucketOf(kind, 'person', person)))
    },
    peek(kind, caller) {
      deny(needs, caller, limiter.peek(ofBoth(kind, caller)))
    },
    giveBack(kind, caller) {
      limiter.giveBack(ofBoth(kind, caller))
    },
    async count(kind, caller) {
      logOnce(needs, caller, await limiter.spend(ofBoth(kind, caller)))
    },
  }
}

function createLimiter({ db, log, metrics, now }: Needs): RateLimiter<Limited> {
  return createRateLimiter({
    // A lease waits for no other request of its person.
    lease: (requests) => outsideOfWork(() => leaseCalls(db, requests)),
    now,
    onLease: (outcome) => metrics.rateLimitLeases.inc({ outcome }),
    onFailure(error) {
      metrics.rateLimitLeases.inc({ outcome: 'failed' })
      log.warn({ event: 'rates_not_held', err: error }, 'rate limits counted by this instance alone for some seconds')
    },
  })
}

function deny(needs: Needs, caller: Caller, exhausted: Exhausted<Limited> | undefined): void {
  if (exhausted === undefined) return
  const { kind, of } = exhausted.bucket
  needs.metrics.rateLimitedRequests.inc({ kind, of })
  logOnce(needs, caller, exhausted)
  throw tooMany(exhausted)
}

/** Logged at intervals and without an audit event: a denial must cost less than an answer. */
function logOnce({ log }: Needs, { ip, userId }: Caller, exhausted: Exhausted<Limited> | undefined): void {
  if (exhausted?.shouldLog !== true) return
  const { kind, of, perHour } = exhausted.bucket
  log.warn({ event: 'rate_limited', kind, of, ip, user_id: userId, per_hour: perHour }, 'hourly rate limit exceeded')
}

const kindNames: Record<RateKind, string> = {
  uploads: 'uploads',
  downloads: 'downloads',
  logins: 'logins',
  registrations: 'registrations',
  password_resets: 'password resets',
  verifications: 'verifications of an e-mail',
  invitations: 'invitations',
  exports: 'exports of personal data',
  archives: 'archives of firms',
  events: 'audited calls',
}

function tooMany({ bucket: { kind, of, perHour }, retryAfterSeconds }: Exhausted<Limited>): AppError {
  const source = of === 'person' ? 'by one person' : 'from one network'
  return new AppError(
    'rate_limited',
    `Too many ${kindNames[kind]} ${source}: the limit is ${perHour} an hour. Try again ${formatWait(retryAfterSeconds)}. If you need more, ask the platform’s support.`,
    { retryAfterSeconds },
  )
}

function formatWait(seconds: number): string {
  if (seconds <= 1) return 'in a second'
  if (seconds < 120) return `in ${seconds} seconds`
  return `in ${Math.ceil(seconds / 60)} minutes`
}

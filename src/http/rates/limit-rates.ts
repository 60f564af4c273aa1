import type { FastifyInstance, FastifyRequest } from 'fastify'

import type { RateKind } from '../../config-limits.ts'
import type { Db } from '../../database/client.ts'
import { digestEmail } from '../../database/login-failures.ts'
import { isRecorded } from '../../people/record-refusal.ts'
import { addressOf } from '../authenticate.ts'
import type { Caller, Rates } from './hold-rates.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a request counts as; undefined: as an event if it changes something or is refused, and else as nothing. */
    rate?: RateKind
  }
}

type Needs = { db: Db; rates: Rates }

/**
 * Refuses who has done too much of one thing in an hour, before a byte of the body is read: `rate_limited`. An address
 * counts with all that comes from it, a person wherever they are; at a login, which is nobody's yet, it is the e-mail.
 * To be called after `authenticate`, and before the routes.
 */
export function limitRates(server: FastifyInstance, { db, rates }: Needs): void {
  rateWhatChanges(server)
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

/**
 * What changes something stands in the audit trail, which nobody may fill: it counts as an event where its route names no
 * other rate. A route that only reads and yet leaves an event says so itself.
 */
export function rateWhatChanges(server: FastifyInstance): void {
  server.addHook('onRoute', (route) => {
    const { config, method } = route
    const isReading = [method].flat().every((each) => readingMethods.has(each))
    if (isReading || config === undefined || config.rate !== undefined || config.access === 'public') return
    route.config = { ...config, rate: 'events' }
  })
}

import { createHash, timingSafeEqual } from 'node:crypto'

import type { FastifyRequest } from 'fastify'
import ipaddr from 'ipaddr.js'

import { addressOf } from './authenticate.ts'

/**
 * Whether a request may read metrics and the details of readiness: it has `METRICS_TOKEN`, or it comes from this machine.
 * A request that a proxy forwarded comes from its client: without `TRUST_PROXY` that client is unknown, so it needs the
 * token.
 */
export function isOperator(request: FastifyRequest, metricsToken: string | undefined): boolean {
  const [scheme, token] = (request.headers.authorization ?? '').split(' ')
  if (metricsToken !== undefined && scheme?.toLowerCase() === 'bearer' && isSame(token ?? '', metricsToken)) return true
  return isLoopback(addressOf(request)) && !isForwardedFromUnknown(request)
}

/** Any of these shows a proxy. Many are set up to add only one of them. */
const headersOfProxies = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'true-client-ip',
  'cf-connecting-ip',
]

function isForwardedFromUnknown({ headers, ips }: FastifyRequest): boolean {
  const isForwarded = headersOfProxies.some((name) => headers[name] !== undefined)
  // One address alone is the proxy itself: it is not one of those that TRUST_PROXY trusts.
  return isForwarded && (ips === undefined || ips.length < 2)
}

function isLoopback(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback'
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** In constant time, whatever the lengths. */
function isSame(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected))
}

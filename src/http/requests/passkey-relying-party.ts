import type { FastifyRequest } from 'fastify'
import ipaddr from 'ipaddr.js'

import type { RelyingParty } from '../../people/second-factors/verify-passkey.ts'
import { isLoopback, ownAddress } from './refresh-cookie.ts'

/**
 * This service for passkeys: the origin and host of `PUBLIC_URL`. Without it the requested host, on this machine only, since
 * a client chooses that header. Undefined where browsers have no passkeys: at an IP address.
 */
export function findRelyingParty(request: FastifyRequest, publicUrl: string | undefined): RelyingParty | undefined {
  const { origin, hostname } = new URL(ownAddress(request, publicUrl))
  const isKnown = publicUrl !== undefined || isLoopback(hostname)
  const isAddress = ipaddr.isValid(hostname.replaceAll(/[[\]]/g, ''))
  return isKnown && !isAddress ? { origin, id: hostname } : undefined
}

import type { FastifyReply, FastifyRequest } from 'fastify'
import ipaddr from 'ipaddr.js'

import { AppError } from '../../errors/app-error.ts'
import { refreshTokenSeconds } from '../../people/sessions/tokens.ts'

const cookieName = 'paniq_refresh'
const cookiePath = '/api/v1/auth'

/** Whether the refresh token is a cookie, as a page requests with `X-Auth-Mode: cookie`. */
export function isCookieMode(request: FastifyRequest): boolean {
  const mode = request.headers['x-auth-mode']
  return typeof mode === 'string' && mode.trim().toLowerCase() === 'cookie'
}

/**
 * Throws `forbidden` unless `Origin` is that of `PUBLIC_URL`, or of the called address if that is unset. Without this
 * check another site could use the cookie, which the browser adds by itself.
 */
export function assertSameOrigin(request: FastifyRequest, publicUrl: string | undefined): void {
  const { origin } = request.headers
  const ours = ownAddress(request, publicUrl)
  const isOurs =
    origin !== undefined &&
    URL.canParse(origin) &&
    URL.canParse(ours) &&
    new URL(origin).origin === new URL(ours).origin
  if (!isOurs)
    throw new AppError('forbidden', 'With X-Auth-Mode: cookie a request must come from a page of this service.')
}

export type Exchange = { request: FastifyRequest; reply: FastifyReply }

export function setRefreshCookie({ request, reply }: Exchange, publicUrl: string | undefined, token: string): void {
  reply.setCookie(cookieName, token, { ...attributes(request, publicUrl), maxAge: refreshTokenSeconds })
}

export function clearRefreshCookie({ request, reply }: Exchange, publicUrl: string | undefined): void {
  reply.clearCookie(cookieName, attributes(request, publicUrl))
}

export function readRefreshCookie(request: FastifyRequest): string | undefined {
  return request.cookies[cookieName]
}

function attributes(request: FastifyRequest, publicUrl: string | undefined) {
  const address = new URL(ownAddress(request, publicUrl))
  const isPlainLoopback = address.protocol === 'http:' && isLoopback(address.hostname)
  return { httpOnly: true, sameSite: 'strict', path: cookiePath, secure: !isPlainLoopback } as const
}

function ownAddress(request: FastifyRequest, publicUrl: string | undefined): string {
  return publicUrl ?? `${request.protocol}://${request.host}`
}

function isLoopback(hostname: string): boolean {
  if (hostname === 'localhost' || hostname.endsWith('.localhost')) return true
  const address = hostname.replace(/^\[|\]$/g, '')
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback'
}

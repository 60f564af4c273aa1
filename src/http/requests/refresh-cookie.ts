import type { FastifyReply, FastifyRequest } from 'fastify'
import ipaddr from 'ipaddr.js'

import type { TokensShape } from '../../contract/people.ts'
import { AppError } from '../../errors/app-error.ts'
import type { Tokens } from '../../people/sessions/issue-tokens.ts'

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
  const isOurs = origin !== undefined && URL.canParse(origin) && new URL(origin).origin === new URL(ours).origin
  if (!isOurs)
    throw new AppError('forbidden', 'With X-Auth-Mode: cookie a request must come from a page of this service.')
}

export type Exchange = { request: FastifyRequest; reply: FastifyReply }

export function setRefreshCookie({ request, reply }: Exchange, publicUrl: string | undefined, tokens: Tokens): void {
  const { name, ...attributes } = cookieOf(request, publicUrl)
  reply.setCookie(name, tokens.refreshToken, { ...attributes, maxAge: tokens.sessionSeconds })
}

export function clearRefreshCookie({ request, reply }: Exchange, publicUrl: string | undefined): void {
  const { name, ...attributes } = cookieOf(request, publicUrl)
  reply.clearCookie(name, attributes)
}

export function readRefreshCookie(request: FastifyRequest, publicUrl: string | undefined): string | undefined {
  return request.cookies[cookieOf(request, publicUrl).name]
}

/** With the prefix a browser accepts the cookie only over https, so nobody on the way can plant one of their own. */
function cookieOf(request: FastifyRequest, publicUrl: string | undefined) {
  const isPlain = isPlainLoopback(request, publicUrl)
  const name = isPlain ? cookieName : `__Secure-${cookieName}`
  return { name, httpOnly: true, sameSite: 'strict', path: cookiePath, secure: !isPlain } as const
}

/** Where browsers accept no secure cookies: by http on this machine. */
export function isPlainLoopback(request: FastifyRequest, publicUrl: string | undefined): boolean {
  const { protocol, hostname } = new URL(ownAddress(request, publicUrl))
  return protocol === 'http:' && isLoopback(hostname)
}

/** The address of the service for browsers. Throws `bad_request` for a client of HTTP/1.0 that names no host. */
export function ownAddress(request: FastifyRequest, publicUrl: string | undefined): string {
  const address = publicUrl ?? `${request.protocol}://${request.host}`
  if (!URL.canParse(address))
    throw new AppError('bad_request', 'The request has no header "Host", which this call needs.')
  return address
}

export function isLoopback(hostname: string): boolean {
  if (hostname === 'localhost' || hostname.endsWith('.localhost')) return true
  const address = hostname.replace(/^\[|\]$/g, '')
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback'
}

/** In cookie mode only the cookie has the refresh token, which the page's scripts cannot read. */
export function sendTokens(
  { publicUrl }: { publicUrl: string | undefined },
  exchange: Exchange,
  tokens: Tokens,
): TokensShape {
  const answer = {
    access_token: tokens.accessToken,
    token_type: 'bearer' as const,
    expires_in: tokens.expiresInSeconds,
    ...(tokens.restriction === 'password_change_required' ? { password_change_required: true as const } : {}),
  }
  if (!isCookieMode(exchange.request)) return { ...answer, refresh_token: tokens.refreshToken }
  setRefreshCookie(exchange, publicUrl, tokens)
  return answer
}

import type { FastifyRequest } from 'fastify'

import { attemptSeconds } from '../../people/provider-login/login-attempt.ts'
import { type Exchange, isPlainLoopback } from './refresh-cookie.ts'

/** Binds a sign-in with the provider to the browser that began it. */
export function setAttemptCookie({ request, reply }: Exchange, publicUrl: string | undefined, sealed: string): void {
  const { name, ...attributes } = cookieOf(request, publicUrl)
  reply.setCookie(name, sealed, { ...attributes, maxAge: attemptSeconds })
}

export function readAttemptCookie(request: FastifyRequest, publicUrl: string | undefined): string | undefined {
  return request.cookies[cookieOf(request, publicUrl).name]
}

export function clearAttemptCookie({ request, reply }: Exchange, publicUrl: string | undefined): void {
  const { name, ...attributes } = cookieOf(request, publicUrl)
  reply.clearCookie(name, attributes)
}

/** `Lax`, since the browser comes back from another site. With the prefix no neighbouring host can plant one. */
function cookieOf(request: FastifyRequest, publicUrl: string | undefined) {
  const isPlain = isPlainLoopback(request, publicUrl)
  const name = isPlain ? 'paniq_sign_in' : '__Host-paniq_sign_in'
  return { name, httpOnly: true, sameSite: 'lax', path: '/', secure: !isPlain } as const
}

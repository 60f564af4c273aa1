import type { FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import {
  accountShape,
  authModeHeader,
  loginBody,
  logoutQuery,
  refreshBody,
  registerBody,
  registeredShape,
  tokensShape,
  type TokensShape,
} from '../../contract/people.ts'
import { AppError, isAppError } from '../../errors/app-error.ts'
import type { IdentifyBearer } from '../../people/sessions/identify-bearer.ts'
import type { Tokens } from '../../people/sessions/tokens.ts'
import { presentAccount, presentPerson } from '../presenters/present-person.ts'
import {
  assertSameOrigin,
  clearRefreshCookie,
  type Exchange,
  isCookieMode,
  readRefreshCookie,
  setRefreshCookie,
} from '../requests/refresh-cookie.ts'
import { visitorOf } from '../requests/authenticate.ts'
import { register } from '../../people/accounts/accounts.ts'
import { requirePerson } from '../../people/require-right.ts'
import { logIn, type LogInNeeds } from '../../people/sessions/log-in.ts'
import { logOut } from '../../people/sessions/log-out.ts'
import { refreshSession } from '../../people/sessions/refresh-session.ts'

type Server = Parameters<FastifyPluginAsyncZod>[0]
type AuthNeeds = LogInNeeds & { identify: IdentifyBearer; publicUrl: string | undefined }

/** They use no cookie, and browsers send no origin with them from the same site. */
const safeMethods = new Set(['GET', 'HEAD'])

/** Contract §4: sessions of people. */
export function authRoutes(needs: AuthNeeds): FastifyPluginAsyncZod {
  return async (server) => {
    // Before the body is read, and for every route below the cookie's path, so that none is forgotten.
    server.addHook('onRequest', async (request) => {
      if (isCookieMode(request) && !safeMethods.has(request.method)) assertSameOrigin(request, needs.publicUrl)
    })

    addLogin(server, needs)
    addSessions(server, needs)
  }
}

function addLogin(server: Server, needs: AuthNeeds): void {
  server.post(
    '/auth/register',
    {
      config: { access: 'public', rate: 'logins', errors: ['forbidden', 'conflict'] },
      schema: {
        tags: ['people'],
        summary: 'Create an account',
        headers: authModeHeader,
        body: registerBody,
        response: { 201: registeredShape },
      },
    },
    async (request, reply) => {
      const { email, password, first_name: firstName, last_name: lastName, phone } = request.body
      const registration = { email, password, firstName, lastName, phone }
      const { account, tokens } = await register(needs, visitorOf(request), registration)
      return reply
        .code(201)
        .header('location', '/api/v1/auth/me')
        .send({
          ...(tokens === undefined ? {} : sendTokens(needs, { request, reply }, tokens)),
          user: presentAccount(account),
        })
    },
  )

  server.post(
    '/auth/login',
    {
      config: { access: 'public', rate: 'logins', isLogin: true, errors: ['unauthenticated', 'forbidden'] },
      schema: {
        tags: ['people'],
        summary: 'Log in',
        headers: authModeHeader,
        body: loginBody,
        response: { 200: tokensShape },
      },
    },
    async (request, reply) =>
      sendTokens(needs, { request, reply }, await logIn(needs, visitorOf(request), request.body)),
  )
}

function addSessions(server: Server, needs: AuthNeeds): void {
  server.post(
    '/auth/refresh',
    {
      config: { access: 'public', rate: 'events', errors: ['unauthenticated', 'forbidden'] },
      schema: {
        tags: ['people'],
        summary: 'Get new tokens for a refresh token, which works once',
        headers: authModeHeader,
        body: refreshBody,
        response: { 200: tokensShape },
      },
    },
    async (request, reply) => {
      const token = presentedToken(request, request.body)
      if (token === undefined) throw new AppError('unauthenticated', 'Send a refresh token, or log in.')
      return sendTokens(needs, { request, reply }, await refreshSession(needs, visitorOf(request), token))
    },
  )

  server.post(
    '/auth/logout',
    {
      config: { access: 'public', rate: 'events', errors: ['unauthenticated', 'forbidden'] },
      schema: {
        tags: ['people'],
        summary: 'End this session, or all of them',
        description: 'The refresh token, its cookie or the access token names the session.',
        headers: authModeHeader,
        querystring: logoutQuery,
        body: refreshBody,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const refreshToken = presentedToken(request, request.body)
      const access = await presentedAccess(needs, request)
      const hasNoToken = refreshToken === undefined && access === undefined
      const everywhere = request.query.all === 'true'
      // A page without its cookie has logged out already.
      if (!(isCookieMode(request) && hasNoToken && !everywhere))
        await logOut(needs, visitorOf(request), { refreshToken, access, everywhere })

      if (isCookieMode(request)) clearRefreshCookie({ request, reply }, needs.publicUrl)
      return reply.code(204).send(null)
    },
  )

  server.get(
    '/auth/me',
    {
      config: { access: 'signed_in' },
      schema: { tags: ['people'], summary: 'Who am I', response: { 200: accountShape } },
    },
    async ({ actor }) => presentPerson(await requirePerson(needs.db, actor, 'account.viewed')),
  )
}

/** In cookie mode only the cookie has the refresh token, which the page's scripts cannot read. */
function sendTokens(needs: AuthNeeds, exchange: Exchange, tokens: Tokens): TokensShape {
  const answer = {
    access_token: tokens.accessToken,
    token_type: 'bearer' as const,
    expires_in: tokens.expiresInSeconds,
  }
  if (!isCookieMode(exchange.request)) return { ...answer, refresh_token: tokens.refreshToken }
  setRefreshCookie(exchange, needs.publicUrl, tokens.refreshToken)
  return answer
}

function presentedToken(
  request: FastifyRequest,
  body: { refresh_token?: string | undefined } | null | undefined,
): string | undefined {
  return isCookieMode(request) ? readRefreshCookie(request) : body?.refresh_token
}

/** An invalid access token counts as none: logging out requires no login. */
async function presentedAccess({ identify }: AuthNeeds, request: FastifyRequest) {
  const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  if (token === undefined) return undefined
  try {
    return await identify(token, visitorOf(request))
  } catch (error) {
    if (isAppError(error, 'unauthenticated')) return undefined
    throw error
  }
}

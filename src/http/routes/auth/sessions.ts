import type { FastifyRequest } from 'fastify'
import { z } from 'zod'

import {
  authModeHeader,
  logoutQuery,
  refreshBody,
  selfShape,
  sessionParams,
  sessionShape,
  tokensShape,
} from '../../../contract/people.ts'
import { AccessDenied, AppError, isAppError } from '../../../errors/app-error.ts'
import { viewSelf } from '../../../people/firms/join-and-leave.ts'
import { logOut } from '../../../people/sessions/log-out.ts'
import { browseOwnSessions, endOwnSessionById } from '../../../people/sessions/own-sessions.ts'
import { refreshSession } from '../../../people/sessions/refresh-session.ts'
import type { SessionId } from '../../../vocabulary/vocabulary.ts'
import { presentSelf } from '../../presenters/present-person.ts'
import { visitorOf } from '../../requests/authenticate.ts'
import { clearRefreshCookie, isCookieMode, readRefreshCookie, sendTokens } from '../../requests/refresh-cookie.ts'
import type { AuthNeeds, AuthServer } from './auth.ts'

type RefreshRequest = FastifyRequest & { body: { refresh_token?: string | undefined } | null | undefined }

export function addSessions(server: AuthServer, needs: AuthNeeds): void {
  addRefreshAndLogout(server, needs)
  addOwnSessions(server, needs)
}

function addRefreshAndLogout(server: AuthServer, needs: AuthNeeds): void {
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
      const token = presentedToken(needs, request)
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
      const refreshToken = presentedToken(needs, request)
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
}

function addOwnSessions(server: AuthServer, needs: AuthNeeds): void {
  server.get(
    '/auth/me',
    {
      config: { access: 'signed_in' },
      schema: {
        tags: ['people'],
        summary: 'Who am I, how do I sign in, and who invites me',
        response: { 200: selfShape },
      },
    },
    async ({ actor }) => {
      return presentSelf(await viewSelf(needs, actor))
    },
  )

  server.get(
    '/auth/sessions',
    {
      config: { access: 'signed_in' },
      schema: { tags: ['people'], summary: 'My open sessions', response: { 200: z.array(sessionShape) } },
    },
    async ({ actor }) => {
      const sessions = await browseOwnSessions(needs, actor)
      return sessions.map(({ id, startedAt, lastUsedAt, ip, userAgent, isCurrent }) => ({
        id,
        created_at: startedAt.toISOString(),
        last_used_at: lastUsedAt.toISOString(),
        ip,
        user_agent: userAgent,
        current: isCurrent,
      }))
    },
  )

  server.delete(
    '/auth/sessions/:id',
    {
      config: { access: 'signed_in', errors: ['not_found'] },
      schema: {
        tags: ['people'],
        summary: 'End one of my sessions',
        params: sessionParams,
        response: { 204: z.null() },
      },
    },
    async ({ actor, params }, reply) => {
      await endOwnSessionById(needs, actor, params.id as SessionId) // checked as a UUID
      return reply.code(204).send(null)
    },
  )
}

function presentedToken({ publicUrl }: AuthNeeds, request: RefreshRequest): string | undefined {
  return isCookieMode(request) ? readRefreshCookie(request, publicUrl) : request.body?.refresh_token
}

/** An invalid access token counts as none: logging out requires no login. */
async function presentedAccess({ identify }: AuthNeeds, request: FastifyRequest) {
  const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  if (token === undefined) return undefined
  try {
    const caller = await identify(token, visitorOf(request))
    if (caller.apiKeyId !== undefined) throw new AccessDenied('key_scope')
    return caller
  } catch (error) {
    if (isAppError(error, 'unauthenticated')) return undefined
    throw error
  }
}

import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'

import { providerCallbackQuery } from '../../../contract/people.ts'
import { AccessDenied, type AppError } from '../../../errors/app-error.ts'
import { beginProviderLogin, logInWithProvider } from '../../../people/provider-login/log-in-with-provider.ts'
import { ProviderLoginError } from '../../../people/provider-login/provider-login-error.ts'
import { answerError, recordError } from '../../errors/answer-error.ts'
import { visitorOf } from '../../requests/authenticate.ts'
import { clearAttemptCookie, readAttemptCookie, setAttemptCookie } from '../../requests/provider-login-cookie.ts'
import { setRefreshCookie } from '../../requests/refresh-cookie.ts'
import type { AuthNeeds, AuthServer } from './auth.ts'

/** A HEAD request would use up the code. `errorHandler`: people see a page, not JSON. */
const asPage = (needs: AuthNeeds) => ({
  exposeHeadRoute: false,
  errorHandler: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) =>
    showError(needs, error, { request, reply }),
})

/** Signing in with the provider, for the web page: the browser opens these addresses itself. */
export function addProvider(server: AuthServer, needs: AuthNeeds): void {
  const { publicUrl } = needs
  server.get(
    '/auth/provider',
    {
      ...asPage(needs),
      config: { access: 'public', rate: 'logins', errors: ['not_found'] },
      schema: {
        tags: ['people'],
        summary: 'Sign in with the OpenID provider',
        description: 'To open in the browser: it redirects to the provider.',
        response: { 302: z.null() },
      },
    },
    async (request, reply) => {
      const { address, sealed } = await beginProviderLogin(needs)
      setAttemptCookie({ request, reply }, publicUrl, sealed)
      return reply.redirect(address, 302)
    },
  )

  server.get(
    '/auth/provider/callback',
    {
      ...asPage(needs),
      config: { access: 'public', rate: 'logins', isLogin: true, errors: ['not_found'] },
      schema: {
        tags: ['people'],
        summary: 'Where the provider sends people back',
        description:
          'It sets the refresh cookie and redirects to `PUBLIC_URL`, whose page then calls `POST /auth/refresh` with `X-Auth-Mode: cookie`. After a failure the address ends with `#sign_in_error=…&request_id=…`.',
        querystring: providerCallbackQuery,
        response: { 302: z.null() },
      },
    },
    async (request, reply) => {
      const sealed = readAttemptCookie(request, publicUrl)
      clearAttemptCookie({ request, reply }, publicUrl)
      const tokens = await logInWithProvider(needs, visitorOf(request), { query: queryOf(request), sealed })
      setRefreshCookie({ request, reply }, publicUrl, tokens)
      return reply.redirect(homeOf(needs), 302)
    },
  )
}

/** As it was sent: the library checks that no parameter comes twice. */
function queryOf({ url }: FastifyRequest): string {
  return url.split('?').slice(1).join('?')
}

function homeOf({ providerClient }: AuthNeeds): string {
  return `${providerClient?.publicUrl ?? ''}/`
}

type Exchange = { request: FastifyRequest; reply: FastifyReply }

/** Redirects to the page, with the name of the error in the fragment, which browsers send to no server. */
function showError(needs: AuthNeeds, error: unknown, { request, reply }: Exchange): FastifyReply {
  if (needs.providerClient === undefined) return answerError(error, request, reply)
  const answer = recordError(error, request, reply)
  const facts = new URLSearchParams({ sign_in_error: nameOf(answer), request_id: request.id })
  return reply.redirect(`${homeOf(needs)}#${facts.toString()}`, 302)
}

/** From a fixed list, so that nobody can write on the page with a link. */
function nameOf(error: AppError): string {
  if (error instanceof ProviderLoginError) return error.trouble
  return error instanceof AccessDenied ? error.denial : error.code
}

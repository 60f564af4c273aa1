import { authModeHeader, loginBody, registerBody, registeredShape } from '../../../contract/people.ts'
import { type LoggedInShape, loggedInShape } from '../../../contract/second-factors.ts'
import { register } from '../../../people/accounts/create-account.ts'
import { offerPasskeyProof } from '../../../people/second-factors/log-in-with-passkey.ts'
import type { RelyingParty } from '../../../people/second-factors/verify-passkey.ts'
import type { LoginChallenge } from '../../../people/sessions/challenge-login.ts'
import { logIn } from '../../../people/sessions/log-in.ts'
import { presentAccount } from '../../presenters/present-person.ts'
import { visitorOf } from '../../requests/authenticate.ts'
import { sendTokens } from '../../requests/refresh-cookie.ts'
import { findRelyingParty } from '../../requests/passkey-relying-party.ts'
import type { AuthNeeds, AuthServer } from './auth.ts'

export function addLogin(server: AuthServer, needs: AuthNeeds): void {
  server.post(
    '/auth/register',
    {
      config: { access: 'public', rate: 'registrations', errors: ['forbidden', 'conflict'] },
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
        response: { 200: loggedInShape },
      },
    },
    async (request, reply) => {
      const loggedIn = await logIn(needs, visitorOf(request), request.body)
      if ('tokens' in loggedIn) return sendTokens(needs, { request, reply }, loggedIn.tokens)
      return await presentChallenge(loggedIn.challenge, findRelyingParty(request, needs.publicUrl))
    },
  )
}

/** Without `passkey` where browsers have none. */
async function presentChallenge(challenge: LoginChallenge, party: RelyingParty | undefined): Promise<LoggedInShape> {
  const { token, methods } = challenge
  const answer = { second_factor_required: true as const, challenge: token }
  if (!methods.includes('passkey')) return { ...answer, methods }
  if (party === undefined) return { ...answer, methods: methods.filter((method) => method !== 'passkey') }
  return { ...answer, methods, passkey_options: { ...(await offerPasskeyProof(challenge, party)) } }
}

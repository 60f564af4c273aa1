import type { AuthenticationResponseJSON } from '@simplewebauthn/server'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'

import { authModeHeader, tokensShape } from '../../../contract/people.ts'
import {
  type AssertionBody,
  assertionBody,
  confirmTotpBody,
  newTotpShape,
  passkeyOptionsShape,
  proofBody,
  recoveryCodesShape,
  ownPasswordBody,
  secondFactorBody,
} from '../../../contract/second-factors.ts'
import { answerChallenge } from '../../../people/second-factors/answer-challenge.ts'
import { beginTotp, confirmTotpCode, removeTotp } from '../../../people/second-factors/enrol-totp.ts'
import { logInWithPasskey, offerPasskeyLogin } from '../../../people/second-factors/log-in-with-passkey.ts'
import { renewRecoveryCodes } from '../../../people/second-factors/recovery-codes.ts'
import { type RelyingParty, requireParty } from '../../../people/second-factors/verify-passkey.ts'
import { visitorOf } from '../../requests/authenticate.ts'
import { sendTokens } from '../../requests/refresh-cookie.ts'
import { findRelyingParty } from '../../requests/passkey-relying-party.ts'
import type { AuthNeeds, AuthServer } from './auth.ts'

export function addSecondFactors(server: AuthServer, needs: AuthNeeds): void {
  addSecondStep(server, needs)
  addPasskeyLogin(server, needs)
  addTotp(server, needs)
  addRecoveryCodes(server, needs)
}

function addSecondStep(server: AuthServer, needs: AuthNeeds): void {
  server.post(
    '/auth/login/second-factor',
    {
      config: { access: 'public', rate: 'logins', isLogin: true, errors: ['unauthenticated', 'forbidden', 'conflict'] },
      schema: {
        tags: ['people'],
        summary: 'Finish a login with a second factor',
        headers: authModeHeader,
        body: secondFactorBody,
        response: { 200: tokensShape },
      },
    },
    async (request, reply) => {
      const { challenge, ...given } = request.body
      const proof =
        given.method === 'passkey'
          ? {
              method: given.method,
              code: assertionOf(given.code),
              party: partyOf(needs, request),
            }
          : given
      const tokens = await answerChallenge(needs, visitorOf(request), { challenge, proof })
      return sendTokens(needs, { request, reply }, tokens)
    },
  )
}

function addPasskeyLogin(server: AuthServer, needs: AuthNeeds): void {
  server.post(
    '/auth/login/passkey/options',
    {
      config: { access: 'public', rate: 'logins', errors: ['conflict'] },
      schema: {
        tags: ['people'],
        summary: 'Options to sign in with a passkey',
        description: 'WebAuthn’s `PublicKeyCredentialRequestOptionsJSON`.',
        headers: authModeHeader,
        response: { 200: passkeyOptionsShape },
      },
    },
    async (request, reply) => reply.send({ ...(await offerPasskeyLogin(needs, partyOf(needs, request))) }),
  )

  server.post(
    '/auth/login/passkey',
    {
      config: { access: 'public', rate: 'logins', isLogin: true, errors: ['unauthenticated', 'forbidden', 'conflict'] },
      schema: {
        tags: ['people'],
        summary: 'Sign in with a passkey, without a password',
        headers: authModeHeader,
        body: assertionBody,
        response: { 200: tokensShape },
      },
    },
    async (request, reply) => {
      const party = partyOf(needs, request)
      const tokens = await logInWithPasskey(needs, visitorOf(request), party, assertionOf(request.body))
      return sendTokens(needs, { request, reply }, tokens)
    },
  )
}

function addTotp(server: AuthServer, needs: AuthNeeds): void {
  server.post(
    '/auth/second-factor/totp',
    {
      config: { access: 'enrolling', errors: ['conflict', 'email_unverified'] },
      schema: {
        tags: ['people'],
        summary: 'Begin to set up an authenticator app',
        body: proofBody,
        response: { 201: newTotpShape },
      },
    },
    async ({ actor, body }, reply) => reply.code(201).send(await beginTotp(needs, actor, body?.password)),
  )

  server.post(
    '/auth/second-factor/totp/confirm',
    {
      config: { access: 'enrolling', errors: ['conflict'] },
      schema: {
        tags: ['people'],
        summary: 'Confirm the app with one of its codes, and get recovery codes',
        body: confirmTotpBody,
        response: { 200: recoveryCodesShape },
      },
    },
    async ({ actor, body }) => ({ recovery_codes: await confirmTotpCode(needs, actor, body.code) }),
  )

  server.delete(
    '/auth/second-factor/totp',
    {
      config: { access: 'registered_user', rate: 'logins', errors: ['not_found'] },
      schema: {
        tags: ['people'],
        summary: 'Remove the authenticator app',
        body: ownPasswordBody,
        response: { 204: z.null() },
      },
    },
    async ({ actor, body }, reply) => {
      await removeTotp(needs, actor, body.password)
      return reply.code(204).send(null)
    },
  )
}

function addRecoveryCodes(server: AuthServer, needs: AuthNeeds): void {
  server.post(
    '/auth/second-factor/recovery-codes',
    {
      config: { access: 'registered_user', rate: 'logins', errors: ['conflict'] },
      schema: {
        tags: ['people'],
        summary: 'Replace the recovery codes',
        body: ownPasswordBody,
        response: { 201: recoveryCodesShape },
      },
    },
    async ({ actor, body }, reply) =>
      reply.code(201).send({ recovery_codes: await renewRecoveryCodes(needs, actor, body.password) }),
  )
}

function partyOf({ publicUrl }: AuthNeeds, request: FastifyRequest): RelyingParty {
  return requireParty(findRelyingParty(request, publicUrl))
}

/** The schema checked the fields that the library reads; it checks their values itself. */
function assertionOf(body: AssertionBody): AuthenticationResponseJSON {
  return body as AuthenticationResponseJSON
}

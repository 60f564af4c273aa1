import type { RegistrationResponseJSON } from '@simplewebauthn/server'
import { z } from 'zod'

import {
  addedPasskeyShape,
  newPasskeyBody,
  passkeyOptionsShape,
  passkeyParams,
  type PasskeyShape,
  passkeyShape,
  proofBody,
} from '../../../contract/second-factors.ts'
import type { Passkey } from '../../../database/second-factors/passkeys.ts'
import {
  addPasskey,
  browsePasskeys,
  offerPasskey,
  readPasskey,
  removePasskey,
} from '../../../people/second-factors/passkeys.ts'
import type { PasskeyId } from '../../../vocabulary/vocabulary.ts'
import { findRelyingParty } from '../../requests/passkey-relying-party.ts'
import type { AuthNeeds, AuthServer } from './auth.ts'

export function addPasskeys(server: AuthServer, needs: AuthNeeds): void {
  addEnrolment(server, needs)
  addOwnPasskeys(server, needs)
}

function addEnrolment(server: AuthServer, needs: AuthNeeds): void {
  server.post(
    '/auth/passkeys/options',
    {
      config: { access: 'enrolling', errors: ['conflict', 'email_unverified'] },
      schema: {
        tags: ['people'],
        summary: 'Options to create a passkey',
        description: 'WebAuthn’s `PublicKeyCredentialCreationOptionsJSON`.',
        body: proofBody,
        response: { 200: passkeyOptionsShape },
      },
    },
    async (request, reply) => {
      const party = findRelyingParty(request, needs.publicUrl)
      const options = await offerPasskey(needs, request.actor, party, request.body?.password)
      return reply.send({ ...options })
    },
  )

  server.post(
    '/auth/passkeys',
    {
      config: { access: 'enrolling', errors: ['conflict'] },
      schema: {
        tags: ['people'],
        summary: 'Add the passkey that a browser created',
        description: 'WebAuthn’s `RegistrationResponseJSON`, optionally with a `name`.',
        body: newPasskeyBody,
        response: { 201: addedPasskeyShape },
      },
    },
    async (request, reply) => {
      const { name, ...body } = request.body
      const credential = body as RegistrationResponseJSON // the library checks the values itself
      const party = findRelyingParty(request, needs.publicUrl)
      const { passkey, recoveryCodes } = await addPasskey(needs, request.actor, party, { credential, name })
      return reply
        .code(201)
        .header('location', `/api/v1/auth/passkeys/${passkey.id}`)
        .send({ ...present(passkey), ...(recoveryCodes === undefined ? {} : { recovery_codes: recoveryCodes }) })
    },
  )
}

function addOwnPasskeys(server: AuthServer, needs: AuthNeeds): void {
  server.get(
    '/auth/passkeys',
    {
      config: { access: 'registered_user' },
      schema: { tags: ['people'], summary: 'My passkeys, oldest first', response: { 200: z.array(passkeyShape) } },
    },
    async ({ actor }) => (await browsePasskeys(needs, actor)).map(present),
  )

  server.get(
    '/auth/passkeys/:id',
    {
      config: { access: 'registered_user', errors: ['not_found'] },
      schema: {
        tags: ['people'],
        summary: 'One of my passkeys',
        params: passkeyParams,
        response: { 200: passkeyShape },
      },
    },
    async ({ actor, params }) => present(await readPasskey(needs, actor, params.id as PasskeyId)), // checked as a UUID
  )

  server.delete(
    '/auth/passkeys/:id',
    {
      config: { access: 'registered_user', errors: ['not_found'] },
      schema: {
        tags: ['people'],
        summary: 'Remove one of my passkeys',
        params: passkeyParams,
        body: proofBody,
        response: { 204: z.null() },
      },
    },
    async ({ actor, params, body }, reply) => {
      await removePasskey(needs, actor, params.id as PasskeyId, body?.password) // checked as a UUID
      return reply.code(204).send(null)
    },
  )
}

function present({ id, name, createdAt, lastUsedAt }: Passkey): PasskeyShape {
  return {
    id,
    name,
    created_at: createdAt.toISOString(),
    last_used_at: lastUsedAt?.toISOString() ?? null,
  }
}

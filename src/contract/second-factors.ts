import { z } from 'zod'

import { time, trimmedText, uuid } from './documents.ts'
import { tokensShape } from './people.ts'

/** Schemas of the ways of signing in, and of second factors. Options and credentials of passkeys are WebAuthn's own JSON. */

const base64url = (maxLength: number) =>
  z
    .string()
    .min(1)
    .max(maxLength)
    .regex(/^[A-Za-z0-9_-]+$/, 'must be base64url')

const methods = z.enum(['totp', 'passkey', 'recovery_code'])

const credentialId = 'mZ2Xq3vYkq1nVQy0pF7bVw'

const credentialFields = {
  id: base64url(2000).meta({ example: credentialId }),
  rawId: base64url(2000).meta({ example: credentialId }),
  type: z.literal('public-key').meta({ example: 'public-key' }),
  authenticatorAttachment: z.string().max(50).nullish(),
  clientExtensionResults: z.record(z.string(), z.unknown()).default({}),
}

/** The JSON of a `PublicKeyCredential` that `navigator.credentials.get` returned. */
export const assertionBody = z
  .object({
    ...credentialFields,
    response: z
      .object({
        clientDataJSON: base64url(10_000),
        authenticatorData: base64url(10_000),
        signature: base64url(10_000),
        userHandle: z.string().max(200).nullish(),
      })
      .meta({ example: { clientDataJSON: 'eyJ0eXBlIjoi…', authenticatorData: 'SZYN5YgO…', signature: 'MEUCIQDb…' } }),
  })
  .meta({ id: 'PasskeyAssertion' })
export type AssertionBody = z.infer<typeof assertionBody>

/** The JSON of a `PublicKeyCredential` that `navigator.credentials.create` returned. */
export const newPasskeyBody = z
  .object({
    ...credentialFields,
    response: z
      .object({
        clientDataJSON: base64url(10_000),
        attestationObject: base64url(100_000),
        transports: z.array(z.string().max(30)).max(10).optional(),
      })
      .meta({ example: { clientDataJSON: 'eyJ0eXBlIjoi…', attestationObject: 'o2NmbXRk…' } }),
    name: trimmedText(100).default('Passkey').meta({ description: 'The person’s own name for it.' }),
  })
  .meta({ id: 'NewPasskey' })
export type NewPasskeyBody = z.infer<typeof newPasskeyBody>

const challenge = z.string().min(1).max(100).meta({ description: 'Of the login, which it finishes.' })
const writtenCode = z.string().min(1).max(100)

export const secondFactorBody = z
  .discriminatedUnion(
    'method',
    [
      z.object({ challenge, method: z.literal('totp'), code: writtenCode }),
      z.object({ challenge, method: z.literal('recovery_code'), code: writtenCode }),
      z.object({ challenge, method: z.literal('passkey'), code: assertionBody }),
    ],
    'must be totp, passkey or recovery_code',
  )
  .meta({ id: 'SecondFactor' })

export const confirmTotpBody = z
  .strictObject({ code: writtenCode.meta({ example: '492039' }) })
  .meta({ id: 'TotpCode' })

export const ownPasswordBody = z
  .strictObject({ password: z.string().min(1).max(1000).meta({ example: 'correct horse battery' }) })
  .meta({ id: 'OwnPassword' })

/** A session that is not new sends the password too, and so does who could shut the person out. */
export const proofBody = z
  .strictObject({
    password: z.string().min(1).max(1000).optional().meta({
      description:
        'Required when the login of the session is more than 10 minutes old, to remove a second factor, and to replace recovery codes.',
      example: 'correct horse battery',
    }),
  })
  .nullish()
  .meta({ id: 'Proof' })

export const newTotpShape = z
  .object({
    secret: z.string().meta({ description: 'In base32, to type into an app.' }),
    uri: z.string().meta({ description: 'For a QR code.', example: 'otpauth://totp/Paniq%20Documents:…' }),
  })
  .meta({ id: 'NewTotp' })

const recoveryCodes = z.array(z.string()).meta({
  description: 'Shown only now. Each works once, instead of a second factor.',
  example: ['mzxw-6ytb-oi5d-kmry-pfxg-s3tq'],
})
export const recoveryCodesShape = z.object({ recovery_codes: recoveryCodes }).meta({ id: 'RecoveryCodes' })

/** WebAuthn defines more fields than this API sets. */
export const passkeyOptionsShape = z.looseObject({ challenge: z.string() }).meta({ id: 'PasskeyOptions' })

export const passkeyParams = z.object({ id: uuid })

const passkeyFields = {
  id: uuid,
  name: z.string(),
  created_at: time,
  last_used_at: time.nullable(),
}
export const passkeyShape = z.object(passkeyFields).meta({ id: 'Passkey' })
export type PasskeyShape = z.infer<typeof passkeyShape>

export const addedPasskeyShape = z
  .object({
    ...passkeyFields,
    recovery_codes: recoveryCodes.optional().meta({ description: 'If the person had no unused ones. Shown only now.' }),
  })
  .meta({ id: 'AddedPasskey' })

/** After the right password of a person with a second factor. */
const challengeShape = z
  .object({
    second_factor_required: z.literal(true),
    challenge: z.string().meta({ description: 'For `/auth/login/second-factor`, valid for 5 minutes and 5 attempts.' }),
    methods: z.array(methods),
    passkey_options: passkeyOptionsShape.optional(),
  })
  .meta({ id: 'LoginChallenge' })

export const loggedInShape = z.union([tokensShape, challengeShape]).meta({ id: 'LoggedIn' })
export type LoggedInShape = z.infer<typeof loggedInShape>

export const signInOptionsShape = z
  .object({
    password: z.boolean().meta({ description: '`POST /auth/login` with an e-mail and a password.' }),
    passkey: z.boolean().meta({ description: '`POST /auth/login/passkey`. Never at an IP address.' }),
    provider: z.boolean().meta({ description: '`GET /auth/provider`, to open in the browser.' }),
    registration: z.enum(['open', 'invited', 'off']).meta({ description: '`POST /auth/register`.' }),
    password_reset: z.boolean().meta({ description: '`POST /auth/password/forgot` sends a mail.' }),
  })
  .meta({ id: 'SignInOptions' })

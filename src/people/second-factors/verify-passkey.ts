import {
  type AuthenticationResponseJSON,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
  type WebAuthnCredential,
} from '@simplewebauthn/server'

import type { Tx } from '../../database/connection/client.ts'
import { type Passkey, recordPasskeyUse } from '../../database/second-factors/passkeys.ts'
import { AppError } from '../../errors/app-error.ts'
import { hashSecret } from '../../vocabulary/secrets.ts'

/** This service as authenticators know it: the origin of its page, and its host name. */
export type RelyingParty = { origin: string; id: string }

/** Throws `conflict` where browsers have no passkeys. */
export function requireParty(party: RelyingParty | undefined): RelyingParty {
  if (party !== undefined) return party
  throw new AppError(
    'conflict',
    'Passkeys do not work at this address. Open the service by its name (on this machine: localhost), which PUBLIC_URL must have.',
  )
}

/** EdDSA, ES256 and RS256. */
export const algorithms = [-8, -7, -257]

/** What an authenticator says of a new passkey. Throws `validation_failed`. */
export async function verifyNewPasskey(
  { origin, id }: RelyingParty,
  response: RegistrationResponseJSON,
): Promise<WebAuthnCredential> {
  const checked = await verifyRegistrationResponse({
    response,
    // Its digest was found and deleted already.
    expectedChallenge: () => true,
    expectedOrigin: origin,
    expectedRPID: id,
    requireUserVerification: true,
    supportedAlgorithmIDs: algorithms,
  }).catch((error: unknown) => {
    throw notVerified(error)
  })
  if (!checked.verified) throw notVerified()
  return checked.registrationInfo.credential
}

function notVerified(cause?: unknown): AppError {
  return new AppError(
    'validation_failed',
    'The passkey could not be verified. Request new options, and create it with your device’s PIN, fingerprint or face.',
    { cause },
  )
}

/** The digest of the challenge that the authenticator signed; undefined if the client's data is malformed. */
export function signedChallengeOf({ response }: AuthenticationResponseJSON | RegistrationResponseJSON) {
  try {
    const data: unknown = JSON.parse(Buffer.from(response.clientDataJSON, 'base64url').toString('utf8'))
    const isClientData = typeof data === 'object' && data !== null && 'challenge' in data
    return isClientData && typeof data.challenge === 'string' ? hashSecret(data.challenge) : undefined
  } catch {
    return undefined
  }
}

/** `isChallenge`: whether the authenticator signed our challenge, as base64url. */
type Assertion = {
  passkey: Passkey
  response: AuthenticationResponseJSON
  isChallenge: (challenge: string) => boolean
}

/** Checks a signature. Returns the authenticator's count, which `usePasskey` compares. Undefined for a wrong signature. */
export async function findSignCount(
  { origin, id }: RelyingParty,
  { passkey, response, isChallenge }: Assertion,
): Promise<number | undefined> {
  // A passkey signs for the person it was made for.
  const { userHandle } = response.response
  if (userHandle !== undefined && userHandle !== userHandleOf(passkey.userId).toString('base64url')) return undefined
  try {
    const checked = await verifyAuthenticationResponse({
      response,
      expectedChallenge: isChallenge,
      expectedOrigin: origin,
      expectedRPID: id,
      requireUserVerification: true,
      // The count is compared when it is stored, so that a concurrent use cannot pass either.
      credential: { id: passkey.credentialId, publicKey: Uint8Array.from(passkey.publicKey), counter: 0 },
    })
    return checked.verified ? checked.authenticationInfo.newCounter : undefined
  } catch {
    return undefined
  }
}

/** Records a use, in the transaction of the login. Throws `unauthenticated` if the count went backwards. */
export async function usePasskey(trx: Tx, { id }: Passkey, signCount: number, at: Date): Promise<void> {
  if (await recordPasskeyUse(trx, id, signCount, at)) return
  throw new AppError(
    'unauthenticated',
    'This passkey was used by another device too, so it is not accepted. Sign in another way, and remove it.',
    { details: { reason: 'passkey_counter_decreased', passkey_id: id } },
  )
}

/** What an authenticator stores as its person. */
export function userHandleOf(userId: string): Buffer {
  return Buffer.from(userId.replaceAll('-', ''), 'hex')
}

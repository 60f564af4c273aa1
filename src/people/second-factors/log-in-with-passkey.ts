import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  type PublicKeyCredentialRequestOptionsJSON,
} from '@simplewebauthn/server'

import type { Db, Tx } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { lockAccount } from '../../database/people/accounts.ts'
import {
  findPasskey,
  insertPasskeyChallenge,
  type Passkey,
  takePasskeyChallenge,
} from '../../database/second-factors/passkeys.ts'
import { AppError } from '../../errors/app-error.ts'
import type { Clock, Visitor } from '../../vocabulary/vocabulary.ts'
import { assertMaySignInHere } from '../passwords/password-login.ts'
import { recordDenial } from '../require-right.ts'
import { challengeSeconds, type LoginChallenge, passkeyChallengeOf } from '../sessions/challenge-login.ts'
import { hashSecret } from '../../vocabulary/secrets.ts'
import { assertMayLogIn, type LogInNeeds, startSession } from '../sessions/log-in.ts'
import type { Tokens } from '../sessions/issue-tokens.ts'
import { findSignCount, type RelyingParty, signedChallengeOf, usePasskey } from './verify-passkey.ts'

const forSignature = { timeout: challengeSeconds * 1000, userVerification: 'required' } as const

/** The options to sign in with any passkey that the device has for this service, valid for five minutes. */
export async function offerPasskeyLogin(
  { db, now }: { db: Db; now: Clock },
  party: RelyingParty,
): Promise<PublicKeyCredentialRequestOptionsJSON> {
  const options = await generateAuthenticationOptions({ rpID: party.id, ...forSignature })
  const expiresAt = new Date(now().getTime() + challengeSeconds * 1000)
  await insertPasskeyChallenge(db, { digest: hashSecret(options.challenge), userId: undefined, expiresAt })
  return options
}

/** The options to prove a second factor with one of the person's passkeys, after the password. */
export async function offerPasskeyProof(
  { token, passkeys }: LoginChallenge,
  party: RelyingParty,
): Promise<PublicKeyCredentialRequestOptionsJSON> {
  return await generateAuthenticationOptions({
    rpID: party.id,
    ...forSignature,
    challenge: Uint8Array.from(passkeyChallengeOf(token)),
    allowCredentials: passkeys.map(({ credentialId: id, transports }) => ({ id, transports })),
  })
}

/**
 * Signs in with a passkey alone. It counts as two factors: the authenticator, and the PIN, finger or face that it requires.
 * An unknown passkey and a wrong signature get the same answer.
 */
export async function logInWithPasskey(
  needs: LogInNeeds,
  visitor: Visitor,
  party: RelyingParty,
  response: AuthenticationResponseJSON,
): Promise<Tokens> {
  const { db, now } = needs
  const digest = signedChallengeOf(response)
  const isOurs = digest !== undefined && (await takePasskeyChallenge(db, { digest, userId: undefined }, now()))
  const passkey = await findPasskey(db, response.id)
  const caller = { ...visitor, userId: passkey?.userId ?? null }

  return await recordDenial(db, caller, { action: 'session.refused', details: { method: 'passkey' } }, async () => {
    const signCount = isOurs && passkey ? await findSignCount(party, { passkey, response, isChallenge }) : undefined
    if (passkey === undefined || signCount === undefined) throw notAccepted()

    return await inTransaction(db, async (trx) => {
      const account = await lockAccount(trx, passkey.userId)
      if (account === undefined) throw notAccepted()
      assertMayLogIn(account)
      assertMaySignInHere(needs.passwordLogin, account)
      await assertMaySignInAlone(trx, passkey)
      await usePasskey(trx, passkey, signCount, now())
      return await startSession(needs, trx, visitor, account)
    })
  })
}

/** Read again behind the lock of the account: the password may have been reset meanwhile. */
async function assertMaySignInAlone(trx: Tx, { credentialId }: Passkey): Promise<void> {
  if ((await findPasskey(trx, credentialId))?.isOnlyWithPassword !== true) return
  throw new AppError(
    'forbidden',
    'Your password was reset. Log in once with the new password and this passkey; then the passkey alone is enough again.',
  )
}

/** The digest of the signed challenge was found and deleted already. */
const isChallenge = () => true

function notAccepted(): AppError {
  return new AppError('unauthenticated', 'This passkey was not accepted. Request new options, or log in another way.')
}

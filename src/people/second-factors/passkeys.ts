import {
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type RegistrationResponseJSON,
} from '@simplewebauthn/server'

import { inTransaction } from '../../database/connection/in-transaction.ts'
import { findFactors, lockFactors } from '../../database/second-factors/factors.ts'
import {
  deletePasskey,
  insertPasskey,
  insertPasskeyChallenge,
  listPasskeys,
  type Passkey,
  takePasskeyChallenge,
} from '../../database/second-factors/passkeys.ts'
import { deleteUnconfirmedTotp } from '../../database/second-factors/totp.ts'
import { AppError } from '../../errors/app-error.ts'
import type { Actor, PasskeyId } from '../../vocabulary/vocabulary.ts'
import { readableName } from '../../vocabulary/readable-name.ts'
import { recordDenial, requireRegisteredUser } from '../require-right.ts'
import { requirePassword } from '../passwords/prove-password.ts'
import { challengeSeconds } from '../sessions/challenge-login.ts'
import { hashSecret } from '../../vocabulary/secrets.ts'
import {
  enrolling,
  type EnrolmentNeeds,
  finishEnrolment,
  finishRemoval,
  type GuardedNeeds,
  requireEnrollable,
} from './enrolment.ts'
import { issueRecoveryCodes } from './recovery-codes.ts'
import {
  algorithms,
  type RelyingParty,
  requireParty,
  signedChallengeOf,
  userHandleOf,
  verifyNewPasskey,
} from './verify-passkey.ts'

const maxPasskeys = 20

/** The options for a browser to create a passkey, valid for five minutes. */
export async function offerPasskey(
  needs: GuardedNeeds,
  actor: Actor,
  wanted: RelyingParty | undefined,
  password: string | undefined,
): Promise<PublicKeyCredentialCreationOptionsJSON> {
  const { db, now } = needs
  const person = await requireEnrollable(needs, actor, password)
  const party = requireParty(wanted)
  const passkeys = await listPasskeys(db, person.id)
  if (passkeys.length >= maxPasskeys) throw tooMany()
  const options = await generateRegistrationOptions({
    rpName: 'Paniq Documents',
    rpID: party.id,
    userName: person.email,
    userDisplayName: readableName(`${person.firstName} ${person.lastName}`),
    userID: Uint8Array.from(userHandleOf(person.id)),
    timeout: challengeSeconds * 1000,
    attestationType: 'none',
    excludeCredentials: passkeys.map(({ credentialId: id, transports }) => ({ id, transports })),
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    supportedAlgorithmIDs: algorithms,
  })
  const expiresAt = new Date(now().getTime() + challengeSeconds * 1000)
  await insertPasskeyChallenge(db, { digest: hashSecret(options.challenge), userId: person.id, expiresAt })
  return options
}

type NewPasskey = { credential: RegistrationResponseJSON; name: string }
export type AddedPasskey = { passkey: Passkey; recoveryCodes: string[] | undefined }

/** Adds a passkey. A person without recovery codes gets them with it, since an authenticator can be lost. */
export async function addPasskey(
  needs: EnrolmentNeeds,
  actor: Actor,
  wanted: RelyingParty | undefined,
  { credential: response, name }: NewPasskey,
): Promise<AddedPasskey> {
  const { db, now } = needs
  const details = { method: 'passkey' }
  const { id: userId } = await requireRegisteredUser(db, actor, 'second_factor.enrolled', enrolling)
  return await recordDenial(db, actor, { action: 'second_factor.enrolled', details }, async () => {
    const party = requireParty(wanted)
    const digest = signedChallengeOf(response)
    if (digest === undefined || !(await takePasskeyChallenge(db, { digest, userId }, now())))
      throw new AppError('conflict', 'These options were used already, or are too old. Request new ones and try again.')
    const { id: credentialId, publicKey, counter: signCount } = await verifyNewPasskey(party, response)
    const transports = response.response.transports ?? []

    return await inTransaction(db, async (trx) => {
      await lockFactors(trx, userId)
      const factors = await findFactors(trx, userId)
      if (factors.passkeys >= maxPasskeys) throw tooMany()
      const added = { userId, credentialId, publicKey, signCount, transports, name, createdAt: now() }
      const passkey = await insertPasskey(trx, added)
      if (passkey === undefined) throw new AppError('conflict', 'This passkey is stored already.')
      const recoveryCodes = factors.recoveryCodes === 0 ? await issueRecoveryCodes(trx, userId) : undefined
      // It may have begun without the password, when there were no codes to replace.
      await deleteUnconfirmedTotp(trx, userId)
      await finishEnrolment(needs, trx, actor, { method: 'passkey', passkeyId: passkey.id, name })
      return { passkey, recoveryCodes }
    })
  })
}

function tooMany(): AppError {
  return new AppError('conflict', `You have ${maxPasskeys} passkeys, which is the maximum. Remove one first.`)
}

/** The caller's passkeys, oldest first. */
export async function browsePasskeys({ db }: Pick<EnrolmentNeeds, 'db'>, actor: Actor): Promise<Passkey[]> {
  await requireRegisteredUser(db, actor, 'passkeys.listed')
  return await listPasskeys(db, actor.userId)
}

/** One of the caller's passkeys. Throws `not_found`. */
export async function readPasskey(
  needs: Pick<EnrolmentNeeds, 'db'>,
  actor: Actor,
  wanted: PasskeyId,
): Promise<Passkey> {
  const passkey = (await browsePasskeys(needs, actor)).find(({ id }) => id === wanted)
  if (passkey === undefined) throw noSuchPasskey()
  return passkey
}

/** Removes one of the caller's passkeys, for a person who sends their password. Throws `forbidden`, `not_found`. */
export async function removePasskey(
  needs: GuardedNeeds,
  actor: Actor,
  id: PasskeyId,
  password: string | undefined,
): Promise<void> {
  const { db } = needs
  const action = 'second_factor.removed'
  const { id: userId, email } = await requireRegisteredUser(db, actor, action)
  await requirePassword(needs, actor, { action, email, password })
  const details = { method: 'passkey', passkey_id: id }
  await recordDenial(db, actor, { action, details }, () =>
    inTransaction(db, async (trx) => {
      await lockFactors(trx, userId)
      if (!(await deletePasskey(trx, userId, id))) throw noSuchPasskey()
      await finishRemoval(needs, trx, actor, { method: 'passkey', passkeyId: id })
    }),
  )
}

function noSuchPasskey(): AppError {
  return new AppError('not_found', 'You have no such passkey.')
}

import type { AuthenticationResponseJSON } from '@simplewebauthn/server'
import { createHash } from 'node:crypto'

import { recordEvent } from '../../database/audit/events.ts'
import type { Tx } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { removeFailures } from '../../database/passwords/login-failures.ts'
import { lockAccount } from '../../database/people/accounts.ts'
import { useRecoveryCode } from '../../database/second-factors/factors.ts'
import { endLoginChallenge, spendAttempt } from '../../database/second-factors/login-challenges.ts'
import { allowPasskeyAlone, findPasskey } from '../../database/second-factors/passkeys.ts'
import { acceptTotpStep, findTotp } from '../../database/second-factors/totp.ts'
import { AppError } from '../../errors/app-error.ts'
import { type NotifyNeeds, notifyOfChange } from '../../mail/notify.ts'
import { hashSecret, openSecret, sealSecret } from '../../vocabulary/secrets.ts'
import type { Sha256, UserId, Visitor } from '../../vocabulary/vocabulary.ts'
import { spendGuess } from '../passwords/login-lockout.ts'
import { assertMaySignInHere } from '../passwords/password-login.ts'
import { recordDenial } from '../require-right.ts'
import { passkeyChallengeOf } from '../sessions/challenge-login.ts'
import type { Tokens } from '../sessions/issue-tokens.ts'
import { assertMayLogIn, type LogInNeeds, startSession } from '../sessions/log-in.ts'
import { digestOfCode } from './recovery-codes.ts'
import { findStep } from './totp-code.ts'
import { findSignCount, type RelyingParty, usePasskey } from './verify-passkey.ts'

/** Contract §7. */
const maxAttempts = 5

export type SecondFactorNeeds = LogInNeeds & NotifyNeeds & { keys: { secondFactors: readonly Uint8Array[] } }

/** `party` is undefined where passkeys do not work. */
export type FactorProof =
  | { method: 'totp' | 'recovery_code'; code: string }
  | { method: 'passkey'; code: AuthenticationResponseJSON; party: RelyingParty }

/** Proves a factor in the transaction of the login, and records its use. Throws if it is not the person's. */
type UseFactor = (trx: Tx) => Promise<void>

/**
 * Finishes a login with a second factor. Wrong codes count for all challenges of the account, before they are compared:
 * ten within 15 minutes lock its second factor, so that a stolen password gives no more guesses.
 */
export async function answerChallenge(
  needs: SecondFactorNeeds,
  visitor: Visitor,
  { challenge, proof }: { challenge: string; proof: FactorProof },
): Promise<Tokens> {
  const { db, now } = needs
  const digest = hashSecret(challenge)
  const userId = await spendAttempt(db, digest, { maxAttempts, now: now() })
  const caller = { ...visitor, userId: userId ?? null }
  const details = { method: proof.method }

  return await recordDenial(db, caller, { action: 'session.refused', details }, async () => {
    if (userId === undefined) throw loginIsOver()
    const failures = failuresOf(userId)
    await spendGuess(db, failures, now())
    const useFactor = await checkFactor(needs, userId, challenge, proof)

    return await inTransaction(db, async (trx) => {
      await removeFailures(trx, failures)
      const account = await lockAccount(trx, userId)
      if (account === undefined || !(await endLoginChallenge(trx, digest))) throw loginIsOver()
      assertMayLogIn(account)
      assertMaySignInHere(needs.passwordLogin, account)
      await useFactor(trx)
      if (proof.method === 'recovery_code') await recordRecovery(needs, trx, { ...caller, userId })
      return await startSession(needs, trx, visitor, account)
    })
  })
}

async function recordRecovery(needs: NotifyNeeds, trx: Tx, actor: Visitor & { userId: UserId }): Promise<void> {
  await recordEvent(trx, actor, { action: 'second_factor.recovery_code_used', outcome: 'ok' })
  await notifyOfChange(needs, trx, actor.userId, { change: 'recovery_code_used' })
}

/** The key of an account's wrong second factors. No e-mail has it: none contains a NUL. */
export function failuresOf(userId: UserId): Sha256 {
  return createHash('sha256').update(`\0second factor ${userId}`).digest('hex') as Sha256 // hex of SHA-256
}

async function checkFactor(
  needs: SecondFactorNeeds,
  userId: UserId,
  challenge: string,
  proof: FactorProof,
): Promise<UseFactor> {
  switch (proof.method) {
    case 'totp':
      return await checkTotp(needs, userId, proof.code)
    case 'recovery_code':
      return async (trx) => {
        if (!(await useRecoveryCode(trx, userId, digestOfCode(proof.code), needs.now()))) throw wrongFactor()
      }
    case 'passkey':
      return await checkPasskey(needs, userId, challenge, proof)
  }
}

async function checkTotp({ db, keys, now }: SecondFactorNeeds, userId: UserId, code: string): Promise<UseFactor> {
  const totp = await findTotp(db, userId)
  if (totp === undefined || !totp.isConfirmed) throw wrongFactor()
  const secret = openSecret(keys.secondFactors, userId, totp.sealedSecret)
  if (secret === undefined) throw wrongFactor({ reason: 'secret_not_decrypted' })
  const step = findStep(secret, code, now())
  if (step === undefined) throw wrongFactor()
  // Encrypted again, so that after a rotation only the newest key is needed.
  const sealedAgain = sealSecret(keys.secondFactors, userId, secret)
  const proven = { userId, sealedSecret: totp.sealedSecret, step }
  return async (trx) => {
    if (!(await acceptTotpStep(trx, proven, sealedAgain))) throw wrongFactor({ reason: 'code_used_before' })
  }
}

async function checkPasskey(
  { db, now }: SecondFactorNeeds,
  userId: UserId,
  challenge: string,
  { code: response, party }: Extract<FactorProof, { method: 'passkey' }>,
): Promise<UseFactor> {
  const passkey = await findPasskey(db, response.id)
  if (passkey?.userId !== userId) throw wrongFactor()
  const expected = passkeyChallengeOf(challenge).toString('base64url')
  const signCount = await findSignCount(party, { passkey, response, isChallenge: (given) => given === expected })
  if (signCount === undefined) throw wrongFactor()
  return async (trx) => {
    await usePasskey(trx, passkey, signCount, now())
    await allowPasskeyAlone(trx, passkey.id)
  }
}

function wrongFactor(details: Record<string, unknown> = {}): AppError {
  return new AppError('unauthenticated', 'The second factor is wrong. Try again; each code works once.', { details })
}

function loginIsOver(): AppError {
  return new AppError('unauthenticated', 'This login is over. Log in with your password again.')
}

import { inTransaction } from '../../database/connection/in-transaction.ts'
import { recordEvent } from '../../database/audit/events.ts'
import { findFactors, lockFactors } from '../../database/second-factors/factors.ts'
import { confirmTotp, deleteTotp, findTotp, storeUnconfirmedTotp } from '../../database/second-factors/totp.ts'
import { AppError } from '../../errors/app-error.ts'
import { openSecret, sealSecret } from '../../vocabulary/secrets.ts'
import type { Actor } from '../../vocabulary/vocabulary.ts'
import { recordDenial, requireRegisteredUser } from '../require-right.ts'
import { notProven, withPassword } from '../passwords/prove-password.ts'
import {
  enrolling,
  type EnrolmentNeeds,
  finishEnrolment,
  finishRemoval,
  type GuardedNeeds,
  requireEnrollable,
} from './enrolment.ts'
import { issueRecoveryCodes } from './recovery-codes.ts'
import { createSecret, findStep, type NewSecret } from './totp-code.ts'

export type TotpNeeds = EnrolmentNeeds & { keys: { secondFactors: readonly Uint8Array[] } }

/**
 * Begins to set up an authenticator app. Nothing changes until a code confirms it. Throws `conflict` if there is one, and
 * `forbidden` without the password if the confirmation would replace recovery codes, which let their person back in.
 */
export async function beginTotp(
  needs: TotpNeeds & GuardedNeeds,
  actor: Actor,
  password: string | undefined,
): Promise<NewSecret> {
  const { db, keys, now } = needs
  const person = await requireEnrollable(needs, actor, password)
  const created = createSecret(person.email)
  const sealedSecret = sealSecret(keys.secondFactors, person.id, created.secret)
  const event = { action: 'second_factor.began', details: { method: 'totp' } }
  await recordDenial(db, actor, event, () =>
    inTransaction(db, async (trx) => {
      await lockFactors(trx, person.id)
      if (!(await storeUnconfirmedTotp(trx, { userId: person.id, sealedSecret, at: now() }))) throw hasApp()
      if (password === undefined && (await findFactors(trx, person.id)).recoveryCodes > 0) throw notProven()
      await recordEvent(trx, actor, { ...event, outcome: 'ok' })
    }),
  )
  return created
}

function hasApp(): AppError {
  return new AppError('conflict', 'You have an authenticator app already. Remove it first, then set up another one.')
}

/** Confirms the app with one of its codes, and returns new recovery codes. Throws `unauthenticated` for a wrong code. */
export async function confirmTotpCode(needs: TotpNeeds, actor: Actor, code: string): Promise<string[]> {
  const { db, keys, now } = needs
  const details = { method: 'totp' } as const
  const { id: userId } = await requireRegisteredUser(db, actor, 'second_factor.enrolled', enrolling)
  return await recordDenial(db, actor, { action: 'second_factor.enrolled', details }, () =>
    inTransaction(db, async (trx) => {
      await lockFactors(trx, userId)
      const totp = await findTotp(trx, userId)
      if (totp === undefined || totp.isConfirmed) throw nothingToConfirm()
      const { sealedSecret } = totp
      const secret = openSecret(keys.secondFactors, userId, sealedSecret)
      const step = secret === undefined ? undefined : findStep(secret, code, now())
      if (step === undefined) throw wrongCode()
      if (!(await confirmTotp(trx, { userId, sealedSecret, step }, now()))) throw nothingToConfirm()

      const codes = await issueRecoveryCodes(trx, userId)
      await finishEnrolment(needs, trx, actor, details)
      return codes
    }),
  )
}

function nothingToConfirm(): AppError {
  return new AppError('conflict', 'There is no authenticator app to confirm. Begin to set one up, then confirm it.')
}

function wrongCode(): AppError {
  return new AppError(
    'unauthenticated',
    'The code is wrong. Send the current code of your app; the clock of your device must be right.',
  )
}

/**
 * Removes the caller's authenticator app. A wrong password is `forbidden` and counts as a failed login. Throws `not_found` if
 * there is no app.
 */
export async function removeTotp(needs: GuardedNeeds, actor: Actor, password: string): Promise<void> {
  const { db } = needs
  const method = 'totp'
  const { id: userId, email } = await requireRegisteredUser(db, actor, 'second_factor.removed')
  const proof = { password, email, wrong: 'The password is wrong. The authenticator app was not removed.' }
  await recordDenial(db, actor, { action: 'second_factor.removed', details: { method } }, () =>
    withPassword(needs, actor, proof, async (trx) => {
      await lockFactors(trx, userId)
      if (!(await deleteTotp(trx, userId))) throw new AppError('not_found', 'You have no authenticator app.')
      await finishRemoval(needs, trx, actor, { method })
    }),
  )
}

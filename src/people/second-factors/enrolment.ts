import { recordEvent } from '../../database/audit/events.ts'
import type { Db, Tx } from '../../database/connection/client.ts'
import type { Person } from '../../database/people/accounts.ts'
import { endSessionsOf, setRestriction } from '../../database/people/sessions.ts'
import {
  deleteRecoveryCodes,
  endRestrictedSessions,
  type Factors,
  findFactors,
  isEnrolled,
  restrictSessions,
} from '../../database/second-factors/factors.ts'
import { type NotifyNeeds, notifyOfChange } from '../../mail/notify.ts'
import type { Actor, PasskeyId } from '../../vocabulary/vocabulary.ts'
import { assertMaySignInHere } from '../passwords/password-login.ts'
import { type ProofNeeds, requireFreshProof } from '../passwords/prove-password.ts'
import { assertSignedIn, recordDenial, requireRegisteredUser, requireVerifiedEmail } from '../require-right.ts'
import {
  findRestriction,
  lacksSecondFactor,
  requiresSecondFactor,
  type RestrictionNeeds,
} from '../sessions/session-limits.ts'

/** For those who must set up a second factor first. */
export const enrolling = { allowed: ['second_factor_required'] } as const

export type EnrolmentNeeds = RestrictionNeeds & NotifyNeeds & { db: Db }
export type GuardedNeeds = EnrolmentNeeds & ProofNeeds

/**
 * A registered user who may begin to enrol, with a verified e-mail, and proved lately that it is them: a factor that a thief
 * adds lets the thief in again. A factor has no effect without a login of this service.
 */
export async function requireEnrollable(
  needs: GuardedNeeds,
  actor: Actor,
  password: string | undefined,
): Promise<Person> {
  const { db, passwordLogin } = needs
  const action = 'second_factor.began'
  const person = await requireRegisteredUser(db, actor, action, enrolling)
  await recordDenial(db, actor, { action }, async () => assertMaySignInHere(passwordLogin, person))
  await requireVerifiedEmail(needs, actor, action)
  await requireFreshProof(needs, actor, { action, email: person.email, password })
  return person
}

type Method = 'totp' | 'passkey'
type Enrolled = { method: Method; name?: string; passkeyId?: PasskeyId }

/**
 * Ends an enrolment, behind the lock of the factors: a session that ended meanwhile, as a reset of the password does, adds
 * none. This session is not restricted any more. Others that a password alone started end: all where a second
 * factor is required and this is the first, also if they began before it was required.
 */
export async function finishEnrolment(
  needs: EnrolmentNeeds,
  trx: Tx,
  actor: Actor,
  { method, name, passkeyId }: Enrolled,
): Promise<void> {
  const { userId, sessionId } = actor
  await assertSignedIn(trx, actor, { allowed: ['second_factor_required'] })
  const { hasTotp, passkeys } = await findFactors(trx, userId)
  const isFirst = passkeys + (hasTotp ? 1 : 0) === 1
  if (isFirst && (await requiresSecondFactor(needs, trx, userId)))
    await endSessionsOf(trx, userId, needs.now(), sessionId)
  else await endRestrictedSessions(trx, userId, needs.now(), sessionId)
  if (sessionId !== undefined) await setRestriction(trx, sessionId, await findRestriction(needs, trx, { id: userId }))
  await recordEvent(trx, actor, {
    action: 'second_factor.enrolled',
    outcome: 'ok',
    details: aboutFactor(method, passkeyId),
  })
  await notifyOfChange(needs, trx, userId, { change: `${method}_added`, ...(name !== undefined && { name }) })
}

function aboutFactor(method: Method, passkeyId: PasskeyId | undefined) {
  return passkeyId === undefined ? { method } : { method, passkey_id: passkeyId }
}

/** Ends a removal, behind the lock of the factors. Without the last factor the recovery codes end too, and sessions are restricted where one is required. */
export async function finishRemoval(
  needs: EnrolmentNeeds,
  trx: Tx,
  actor: Actor,
  { method, passkeyId }: Enrolled,
): Promise<Factors> {
  await assertSignedIn(trx, actor)
  const left = await findFactors(trx, actor.userId)
  if (!isEnrolled(left)) await deleteRecoveryCodes(trx, actor.userId)
  if (await lacksSecondFactor(needs, trx, actor.userId)) await restrictSessions(trx, actor.userId)
  await recordEvent(trx, actor, {
    action: 'second_factor.removed',
    outcome: 'ok',
    details: aboutFactor(method, passkeyId),
  })
  await notifyOfChange(needs, trx, actor.userId, { change: `${method}_removed` })
  return left
}

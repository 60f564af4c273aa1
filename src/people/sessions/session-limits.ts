import type { Tx } from '../../database/connection/client.ts'
import { type Account, findPerson } from '../../database/people/accounts.ts'
import { hasGeneratedPassword } from '../../database/passwords/generated-passwords.ts'
import { findFactors, isEnrolled } from '../../database/second-factors/factors.ts'
import type { Restriction, SecondFactorPolicy, UserId } from '../../vocabulary/vocabulary.ts'
import type { PasswordLogin } from '../passwords/password-login.ts'

const hourMs = 60 * 60 * 1000

/**
 * Contract §7: a session lives 30 days at most, an administrator's 12 hours. A reviewer's too, who reads as much. A provider
 * does not report who left.
 */
const maxSessionMs = { short: 12 * hourMs, others: 30 * 24 * hourMs }

/** A person has at most this many open sessions: at a login, those end that were not used for longest. */
export const maxSessions = 100

/** How a session began: with a login of this service or at a provider. */
type SessionOrigin = { isOfProvider: boolean }

/** When a session ends at last. Evaluated at each refresh too: the person may have become an administrator or a reviewer. */
export async function sessionEnd(
  trx: Tx,
  startedAt: Date,
  { id, isOfProvider }: Pick<Account, 'id'> & SessionOrigin,
): Promise<Date> {
  const person = await findPerson(trx, id)
  const isShort = isOfProvider || person?.isAdministrator === true || person?.isReviewer === true
  return new Date(startedAt.getTime() + (isShort ? maxSessionMs.short : maxSessionMs.others))
}

export type RestrictionNeeds = { secondFactor: SecondFactorPolicy; passwordLogin: PasswordLogin }

/** The required first step of a session, if any. Evaluated at login and at each refresh. None after a provider's login. */
export async function findRestriction(
  needs: RestrictionNeeds,
  trx: Tx,
  { id, isOfProvider = false }: Pick<Account, 'id'> & Partial<SessionOrigin>,
): Promise<Restriction | null> {
  if (isOfProvider) return null
  if (await hasGeneratedPassword(trx, id)) return 'password_change_required'
  return (await lacksSecondFactor(needs, trx, id)) ? 'second_factor_required' : null
}

type PolicyNeeds = Pick<RestrictionNeeds, 'secondFactor'>

/** Whether `SECOND_FACTOR` requires one of this person. */
export async function requiresSecondFactor({ secondFactor }: PolicyNeeds, trx: Tx, id: UserId): Promise<boolean> {
  if (secondFactor === 'off') return false
  return secondFactor === 'everyone' || (await findPerson(trx, id))?.isAdministrator === true
}

/** Whether `SECOND_FACTOR` requires one of this person, who has none. */
export async function lacksSecondFactor(needs: PolicyNeeds, trx: Tx, id: UserId): Promise<boolean> {
  return (await requiresSecondFactor(needs, trx, id)) && !isEnrolled(await findFactors(trx, id))
}

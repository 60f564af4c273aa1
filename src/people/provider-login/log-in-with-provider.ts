import { timingSafeEqual } from 'node:crypto'

import type { Tx } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { type Account, lockAccount } from '../../database/people/accounts.ts'
import { findPersonByLinkOrOwnId } from '../../database/people/identities.ts'
import { AppError } from '../../errors/app-error.ts'
import { hashSecret } from '../../vocabulary/secrets.ts'
import type { Subject, UserId, Visitor } from '../../vocabulary/vocabulary.ts'
import { recordDenial } from '../require-right.ts'
import type { Tokens } from '../sessions/issue-tokens.ts'
import { assertMayLogIn, type LogInNeeds, ofProvider, startSession } from '../sessions/log-in.ts'
import { openAttempt, sealAttempt } from './login-attempt.ts'
import type { ProviderClient } from './provider-client.ts'
import { ProviderLoginError } from './provider-login-error.ts'

export type ProviderLoginNeeds = Omit<LogInNeeds, 'passwords'> & {
  keys: { providerLogins: Uint8Array }
  providerClient: ProviderClient | undefined
}

/** `sealed`: for a cookie of the browser that begins. Throws `not_found` where there is no provider. */
export async function beginProviderLogin(needs: ProviderLoginNeeds): Promise<{ address: string; sealed: string }> {
  const { address, attempt } = await requireClient(needs).begin()
  return { address, sealed: await sealAttempt(needs, attempt) }
}

/** `query`: what the provider sent the browser back with. `sealed`: what the browser got when it began. */
type Return = { query: string; sealed: string | undefined }

/**
 * Starts a session for the person of the provider's login. Only a link that an administrator made, or the subject being a
 * person's id, finds the person; no e-mail is compared. Throws `not_found` where there is no provider, a
 * `ProviderLoginError`, and `account_locked`.
 */
export async function logInWithProvider(needs: ProviderLoginNeeds, visitor: Visitor, given: Return): Promise<Tokens> {
  const { db } = needs
  const client = requireClient(needs)
  const denial = { action: 'session.refused', details: { method: 'provider' } }
  const subject = await recordDenial(db, { ...visitor, userId: null }, denial, () => redeem(needs, client, given))
  const userId = await findPersonByLinkOrOwnId(db, subject)
  const event = { action: userId === undefined ? 'identity.refused' : denial.action, ...ofProvider(subject) }

  return await recordDenial(db, { ...visitor, userId: userId ?? null }, event, async () => {
    if (userId === undefined) throw new ProviderLoginError('not_linked')
    return await inTransaction(db, async (trx) => {
      const account = await lockLinkedAccount(trx, subject, userId)
      if (!account.isVerified) throw new ProviderLoginError('account_unverified')
      assertMayLogIn(account)
      return await startSession(needs, trx, visitor, { ...account, subject })
    })
  })
}

function requireClient({ providerClient }: ProviderLoginNeeds): ProviderClient {
  if (providerClient !== undefined) return providerClient
  throw new AppError(
    'not_found',
    'There is no sign-in with a provider here. GET /auth/options names the ways that exist.',
  )
}

/** A browser that did not begin this sign-in has no attempt of the same state, also if somebody sent it here. */
async function redeem(needs: ProviderLoginNeeds, client: ProviderClient, { query, sealed }: Return): Promise<Subject> {
  const attempt = sealed === undefined ? undefined : await openAttempt(needs, sealed)
  const states = new URLSearchParams(query).getAll('state')
  const [state = ''] = states
  if (attempt === undefined || states.length !== 1 || !timingSafeEqual(hashSecret(state), hashSecret(attempt.state)))
    throw new ProviderLoginError('attempt_expired')
  return await client.finish(query, attempt)
}

/** Locks the account, then looks again: a link that is removed meanwhile either counts no more, or ends the new session. */
async function lockLinkedAccount(trx: Tx, subject: Subject, userId: UserId): Promise<Account> {
  const account = await lockAccount(trx, userId)
  if (account === undefined || (await findPersonByLinkOrOwnId(trx, subject)) !== userId)
    throw new ProviderLoginError('not_linked')
  return account
}

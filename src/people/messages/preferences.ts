import { recordEvent } from '../../database/audit/events.ts'
import type { Db, Tx } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { findMailChoice, setMailChoice } from '../../database/mail/preferences.ts'
import { lockAccount } from '../../database/people/accounts.ts'
import { isErased } from '../../database/personal-data/erasures.ts'
import { AppError } from '../../errors/app-error.ts'
import { type UnsubscribeKeys, verifyUnsubscribeToken } from '../../mail/unsubscribe-token.ts'
import type { Actor, Clock, MailChoice, UserId, Visitor } from '../../vocabulary/vocabulary.ts'
import { assertSignedIn, recordDenial, requirePerson } from '../require-right.ts'

type Needs = { db: Db; now: Clock }

/** The caller's own choice. */
export async function readPreferences({ db }: Pick<Needs, 'db'>, actor: Actor): Promise<MailChoice> {
  await requirePerson(db, actor, 'preferences.viewed')
  return await findMailChoice(db, actor.userId)
}

/** Which optional mails the caller wants from now on; `isOptional` names their kinds. */
export async function changePreferences(needs: Needs, actor: Actor, mail: MailChoice): Promise<void> {
  const action = 'preferences.changed'
  await requirePerson(needs.db, actor, action)
  await recordDenial(needs.db, actor, { action }, () =>
    choose(needs, actor, { mail, details: {} }, async (trx) => {
      await assertSignedIn(trx, actor)
      return true
    }),
  )
}

/**
 * Ends the optional mails to the person of a token, who need not be logged in. A repeat changes nothing. Throws `not_found`
 * for another token. The link of an erased person changes nothing.
 */
export async function unsubscribe(
  needs: Needs & { keys: { unsubscribeLinks: UnsubscribeKeys } },
  visitor: Visitor,
  token: string,
): Promise<void> {
  const userId = requirePersonOf(needs.keys, token)
  const choice = { mail: 'off', details: { by: 'unsubscribe_link' } } as const
  await choose(needs, { ...visitor, userId }, choice, async (trx) => !(await isErased(trx, userId)))
}

/** Throws `not_found` for a token that nobody got. */
export function requirePersonOf(keys: { unsubscribeLinks: UnsubscribeKeys }, token: string): UserId {
  const userId = verifyUnsubscribeToken(keys.unsubscribeLinks, token)
  if (userId === undefined) throw new AppError('not_found', 'This link is not complete. Open the one of the mail.')
  return userId
}

type Choice = { mail: MailChoice; details: Record<string, unknown> }

/** `isPossible`: judged behind the lock of the account. An erasure waits for this transaction, or has ended before it. */
async function choose(
  { db, now }: Needs,
  person: Visitor & { userId: UserId },
  { mail, details }: Choice,
  isPossible: (trx: Tx) => Promise<boolean>,
): Promise<void> {
  const { userId } = person
  await inTransaction(db, async (trx) => {
    await lockAccount(trx, userId)
    if (!(await isPossible(trx))) return
    const former = await setMailChoice(trx, userId, { mail, at: now() })
    if (former === undefined || former === mail) return
    const event = { action: 'preferences.changed', outcome: 'ok', details: { mail, former, ...details } }
    await recordEvent(trx, person, event)
  })
}

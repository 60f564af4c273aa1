import { recordEvent } from '../../database/audit/events.ts'
import type { Db } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { findMailChoice, setMailChoice } from '../../database/mail/preferences.ts'
import { lockAccount } from '../../database/people/accounts.ts'
import { isErased } from '../../database/personal-data/erasures.ts'
import { AppError } from '../../errors/app-error.ts'
import { type UnsubscribeKeys, verifyUnsubscribeToken } from '../../mail/unsubscribe-token.ts'
import type { Actor, Clock, MailChoice, UserId, Visitor } from '../../vocabulary/vocabulary.ts'
import { requirePerson } from '../require-right.ts'

type Needs = { db: Db; now: Clock }

/** The caller's own choice. */
export async function readPreferences({ db }: Pick<Needs, 'db'>, actor: Actor): Promise<MailChoice> {
  await requirePerson(db, actor, 'preferences.viewed')
  return await findMailChoice(db, actor.userId)
}

/** Which optional mails the caller wants from now on; `isOptional` names their kinds. */
export async function changePreferences(needs: Needs, actor: Actor, mail: MailChoice): Promise<void> {
  await requirePerson(needs.db, actor, 'preferences.changed')
  await choose(needs, actor, actor, { mail, details: {}, isByLink: false })
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
  await choose(needs, visitor, { userId }, { mail: 'off', details: { by: 'unsubscribe_link' }, isByLink: true })
}

/** Throws `not_found` for a token that nobody got. */
export function requirePersonOf(keys: { unsubscribeLinks: UnsubscribeKeys }, token: string): UserId {
  const userId = verifyUnsubscribeToken(keys.unsubscribeLinks, token)
  if (userId === undefined) throw new AppError('not_found', 'This link is not complete. Open the one of the mail.')
  return userId
}

type Choice = { mail: MailChoice; details: Record<string, unknown>; isByLink: boolean }

async function choose(
  { db, now }: Needs,
  visitor: Visitor,
  { userId }: { userId: UserId },
  { mail, details, isByLink }: Choice,
): Promise<void> {
  await inTransaction(db, async (trx) => {
    // An erasure waits, or this sees it.
    await lockAccount(trx, userId)
    if (isByLink && (await isErased(trx, userId))) return
    const former = await setMailChoice(trx, userId, { mail, at: now() })
    if (former === undefined || former === mail) return
    const event = { action: 'preferences.changed', outcome: 'ok', details: { mail, former, ...details } }
    await recordEvent(trx, { ...visitor, userId }, event)
  })
}

import { z } from 'zod'

import { holdAccount } from '../database/accounts.ts'
import type { Db, Tx } from '../database/client.ts'
import { type EventActor, recordEvent } from '../database/events.ts'
import { findIdentity, type Identity, insertIdentity } from '../database/identities.ts'
import { inTransaction } from '../database/in-transaction.ts'
import { AppError } from '../errors.ts'
import type { Actor, Subject, UserId } from '../vocabulary.ts'
import { requireAdministrator } from './require-person.ts'

type Needs = { db: Db }
type NewIdentity = Subject & { userId: UserId }

/**
 * Says that a provider's subject is this person, from the next request on; for administrators. Throws `not_found` for
 * nobody, `conflict` for a subject that stands for somebody already.
 */
export async function linkIdentity({ db }: Needs, actor: Actor, wish: NewIdentity): Promise<Identity> {
  await requireAdministrator(db, actor, 'identity.linked')
  return await addIdentity({ db }, actor, wish)
}

/** The same for who may in any case: the command line. */
export async function addIdentity({ db }: Needs, actor: EventActor, wish: NewIdentity): Promise<Identity> {
  return await inTransaction(db, async (trx) => {
    if ((await holdAccount(trx, wish.userId)) === undefined)
      throw new AppError('not_found', 'There is no such person among the registered users.')
    await assertIsNoPersonsId(trx, wish.subject)

    const identity = await insertIdentity(trx, { ...wish, linkedBy: actor.userId })
    if (identity === undefined) throw await taken(trx, wish)
    const { id, userId, issuer, subject } = identity
    const details = { identity_id: id, user_id: userId, issuer, subject }
    await recordEvent(trx, actor, { action: 'identity.linked', outcome: 'ok', details })
    return identity
  })
}

/** A link goes before an id: with one, tokens that name one person by their id would let in another. */
async function assertIsNoPersonsId(trx: Tx, subject: string): Promise<void> {
  const id = z.guid().safeParse(subject).data
  if (id === undefined || (await holdAccount(trx, id as UserId)) === undefined) return
  throw new AppError('conflict', 'This subject is a registered user’s own id and stands for them without a link.')
}

async function taken(trx: Tx, wish: NewIdentity): Promise<AppError> {
  const holder = (await findIdentity(trx, wish))?.userId
  return new AppError(
    'conflict',
    holder === wish.userId
      ? 'This subject is linked to this person already.'
      : `This subject is linked to another person, ${holder}. Unlink it there first (on the command line: users unlink --subject ${wish.subject} --issuer ${wish.issuer}).`,
  )
}

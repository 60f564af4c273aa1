import { z } from 'zod'

import { findPerson, lockAccount } from '../../database/people/accounts.ts'
import type { Db, Tx } from '../../database/connection/client.ts'
import { type EventActor, recordEvent } from '../../database/audit/events.ts'
import {
  deleteIdentity,
  findIdentity,
  type Identity,
  type IdentityPage,
  type IdentityRecord,
  insertIdentity,
  listIdentitiesOf,
} from '../../database/people/identities.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { AppError } from '../../errors/app-error.ts'
import type { Actor, Subject, UserId } from '../../vocabulary/vocabulary.ts'
import { requireAdministrator } from '../require-right.ts'

/** Lists the linked subjects of a person, newest first, for administrators; also of a person deleted by the platform. Throws `not_found`. */
export async function browseIdentities(
  { db }: { db: Db },
  actor: Actor,
  userId: UserId,
  page: IdentityPage,
): Promise<IdentityRecord[]> {
  await requireAdministrator(db, actor, 'identity.listed')
  const identities = await listIdentitiesOf(db, userId, page)
  if (identities.length === 0 && (await findPerson(db, userId)) === undefined)
    throw new AppError('not_found', 'There is no such person.')
  return identities
}

type Needs = { db: Db }
type NewIdentity = Subject & { userId: UserId }

/**
 * Links a provider's subject to a person from the next request on; for administrators. Throws `not_found` for an unknown
 * person, `conflict` for a subject that is linked already.
 */
export async function linkIdentity({ db }: Needs, actor: Actor, wish: NewIdentity): Promise<Identity> {
  await requireAdministrator(db, actor, 'identity.linked')
  return await addIdentity({ db }, actor, wish)
}

/** Like `linkIdentity`, for the command line. */
export async function addIdentity({ db }: Needs, actor: EventActor, wish: NewIdentity): Promise<Identity> {
  return await inTransaction(db, async (trx) => {
    if ((await lockAccount(trx, wish.userId)) === undefined)
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

/** A link takes precedence over an id: this link would turn tokens of one person into those of another. */
async function assertIsNoPersonsId(trx: Tx, subject: string): Promise<void> {
  const id = z.guid().safeParse(subject).data
  if (id === undefined || (await lockAccount(trx, id as UserId)) === undefined) return
  throw new AppError('conflict', 'This subject is the id of a registered user, which needs no link.')
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

/** Unlinks a subject from the next request on; for administrators. Throws `not_found`. */
export async function unlinkIdentity(
  { db }: Needs,
  actor: Actor,
  place: Pick<Identity, 'id' | 'userId'>,
): Promise<Identity> {
  await requireAdministrator(db, actor, 'identity.unlinked')
  return await inTransaction(db, async (trx) => removeIdentity(trx, actor, place))
}

/** Like `unlinkIdentity`, by the subject, for the command line. */
export async function unlinkSubject({ db }: Needs, actor: EventActor, subject: Subject): Promise<Identity> {
  return await inTransaction(db, async (trx) => {
    const identity = await findIdentity(trx, subject)
    if (identity === undefined) throw notLinked()
    return await removeIdentity(trx, actor, identity)
  })
}

async function removeIdentity(trx: Tx, actor: EventActor, place: Pick<Identity, 'id' | 'userId'>): Promise<Identity> {
  const identity = await deleteIdentity(trx, place)
  if (identity === undefined) throw notLinked()
  const { id, userId, issuer, subject } = identity
  const details = { identity_id: id, user_id: userId, issuer, subject }
  await recordEvent(trx, actor, { action: 'identity.unlinked', outcome: 'ok', details })
  return identity
}

function notLinked(): AppError {
  return new AppError('not_found', 'There is no such link.')
}

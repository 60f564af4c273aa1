import type { Db, Tx } from '../database/client.ts'
import { type EventActor, recordEvent } from '../database/events.ts'
import { deleteIdentity, findIdentity, type Identity } from '../database/identities.ts'
import { inTransaction } from '../database/in-transaction.ts'
import { AppError } from '../errors.ts'
import type { Actor, Subject } from '../vocabulary.ts'
import { requireAdministrator } from './require-person.ts'

type Needs = { db: Db }

/** Takes a subject from its person, from the next request on; for administrators. Throws `not_found`. */
export async function unlinkIdentity(
  { db }: Needs,
  actor: Actor,
  place: Pick<Identity, 'id' | 'userId'>,
): Promise<Identity> {
  await requireAdministrator(db, actor, 'identity.unlinked')
  return await inTransaction(db, async (trx) => removeIdentity(trx, actor, place))
}

/** The same by the subject, for who may in any case: the command line. */
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

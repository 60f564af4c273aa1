import { z } from 'zod'

import { type EventActor, recordEvent } from '../../database/audit/events.ts'
import type { Db, Tx } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { findPerson, lockAccount, lockAccountAlone } from '../../database/people/accounts.ts'
import {
  deleteIdentity,
  findIdentity,
  type Identity,
  type IdentityPage,
  type IdentityRecord,
  insertIdentity,
  listIdentitiesOf,
} from '../../database/people/identities.ts'
import { endSessionsOfSubject } from '../../database/people/sessions.ts'
import { AppError } from '../../errors/app-error.ts'
import { type NotifyNeeds, notifyOfChange } from '../../mail/notify.ts'
import type { Actor, Clock, Subject, UserId } from '../../vocabulary/vocabulary.ts'
import { type ProofNeeds, requireFreshProof } from '../passwords/prove-password.ts'
import { assertAdministrator, requireAdministrator } from '../require-right.ts'
import { assertNotErased, noSuchPerson, noSuchUser } from '../unknown-and-erased-people.ts'

/**
 * Lists the linked subjects of a person, newest first, for administrators; also of a person that the platform deleted.
 * Leaves an event. Throws `not_found`.
 */
export async function browseIdentities(
  { db }: { db: Db },
  actor: Actor,
  userId: UserId,
  page: IdentityPage,
): Promise<IdentityRecord[]> {
  const event = { action: 'identity.listed', details: { user_id: userId } }
  await requireAdministrator(db, actor, event.action, { details: event.details })
  const identities = await listIdentitiesOf(db, userId, page)
  if (identities.length === 0 && (await findPerson(db, userId)) === undefined) throw noSuchPerson()
  await recordEvent(db, actor, { ...event, outcome: 'ok' })
  return identities
}

type Needs = { db: Db }
type LinkNeeds = Needs & NotifyNeeds
type NewIdentity = Subject & { userId: UserId }

/**
 * Links a provider's subject to a person from the next request on; for administrators who proved lately that it is them,
 * because a login with this subject is a login of the person from then on. Throws `not_found` for an unknown
 * person, `conflict` for a subject that is linked already.
 */
export async function linkIdentity(
  needs: ProofNeeds & NotifyNeeds,
  actor: Actor,
  { password, ...link }: NewIdentity & { password: string | undefined },
): Promise<Identity> {
  const { db } = needs
  const action = 'identity.linked'
  const { email } = await requireAdministrator(db, actor, action)
  await requireFreshProof(needs, actor, { action, email, password })
  return await inTransaction(db, async (trx) => {
    const identity = await insertLink(needs, trx, actor, link)
    // Behind the lock: the right or the session may have ended meanwhile.
    await assertAdministrator(trx, actor)
    return identity
  })
}

/** Like `linkIdentity`, for the command line. */
export async function addIdentity(needs: LinkNeeds, actor: EventActor, link: NewIdentity): Promise<Identity> {
  return await inTransaction(needs.db, (trx) => insertLink(needs, trx, actor, link))
}

async function insertLink(needs: NotifyNeeds, trx: Tx, actor: EventActor, link: NewIdentity): Promise<Identity> {
  if ((await lockAccount(trx, link.userId)) === undefined) throw noSuchUser()
  await assertNotErased(trx, link.userId)
  await assertIsNoPersonsId(trx, link.subject)

  const identity = await insertIdentity(trx, { ...link, linkedBy: actor.userId })
  if (identity === undefined) throw await taken(trx, link)
  const { id, userId, issuer, subject } = identity
  const [details, personal] = [
    { identity_id: id, user_id: userId, issuer },
    { about: userId, issuer, subject },
  ]
  await recordEvent(trx, actor, { action: 'identity.linked', outcome: 'ok', details, personal })
  await notifyOfChange(needs, trx, userId, { change: 'login_linked' })
  return identity
}

/** A link takes precedence over an id: this link would turn tokens of one person into those of another. */
async function assertIsNoPersonsId(trx: Tx, subject: string): Promise<void> {
  const id = z.guid().safeParse(subject).data
  if (id === undefined || (await lockAccount(trx, id as UserId)) === undefined) return
  throw new AppError('conflict', 'This subject is the id of a registered user, which needs no link.')
}

async function taken(trx: Tx, link: NewIdentity): Promise<AppError> {
  const linkedTo = (await findIdentity(trx, link))?.userId
  return new AppError(
    'conflict',
    linkedTo === link.userId
      ? 'This subject is linked to this person already.'
      : `This subject is linked to another person, ${linkedTo}. Unlink it there first (on the command line: users unlink --subject ${link.subject} --issuer ${link.issuer}).`,
  )
}

/** Unlinks a subject from the next request on, and ends the sessions that its logins began; for administrators. Throws `not_found`. */
export async function unlinkIdentity(
  { db, now }: Needs & { now: Clock },
  actor: Actor,
  place: Pick<Identity, 'id' | 'userId'>,
): Promise<Identity> {
  await requireAdministrator(db, actor, 'identity.unlinked')
  return await inTransaction(db, async (trx) => {
    const identity = await removeIdentity(trx, actor, place, now())
    // Behind the lock: the right or the session may have ended meanwhile.
    await assertAdministrator(trx, actor)
    return identity
  })
}

/** Like `unlinkIdentity`, by the subject, for the command line. */
export async function unlinkSubject(
  { db, now }: Needs & { now: Clock },
  actor: EventActor,
  subject: Subject,
): Promise<Identity> {
  return await inTransaction(db, async (trx) => {
    const identity = await findIdentity(trx, subject)
    if (identity === undefined) throw notLinked()
    return await removeIdentity(trx, actor, identity, now())
  })
}

async function removeIdentity(
  trx: Tx,
  actor: EventActor,
  place: Pick<Identity, 'id' | 'userId'>,
  at: Date,
): Promise<Identity> {
  // A login that began earlier ends first, so that its session ends too.
  await lockAccountAlone(trx, place.userId)
  const identity = await deleteIdentity(trx, place)
  if (identity === undefined) throw notLinked()
  await endSessionsOfSubject(trx, identity, at)
  const { id, userId, issuer, subject } = identity
  const [details, personal] = [
    { identity_id: id, user_id: userId, issuer },
    { about: userId, issuer, subject },
  ]
  await recordEvent(trx, actor, { action: 'identity.unlinked', outcome: 'ok', details, personal })
  return identity
}

function notLinked(): AppError {
  return new AppError('not_found', 'There is no such link.')
}

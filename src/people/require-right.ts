import type { Db } from '../database/connection/client.ts'
import { type EventActor, type NewEvent, recordEvent } from '../database/audit/events.ts'
import { type Membership, requireMembership } from '../database/people/membership.ts'
import { findPerson, type Person } from '../database/people/accounts.ts'
import { AccessDenied, AppError, isAppError } from '../errors/app-error.ts'
import type { Actor, DocumentId, FirmId, UserId } from '../vocabulary/vocabulary.ts'
import { type RightName, rights } from './rights.ts'

type Needs = { db: Db }
type Place = { firmId: FirmId; documentId?: DocumentId }

/** Decides a right with the facts of this moment. A refusal is thrown, and stands in the audit trail. */
export async function requireRight(
  { db }: Needs,
  actor: Actor,
  right: RightName,
  { firmId, documentId }: Place,
): Promise<Membership> {
  const event = { action: rights[right].event, firmId, ...(documentId === undefined ? {} : { documentId }) }
  return await recordDenial(db, actor, event, () =>
    requireMembership(db, { userId: actor.userId, firmId, right: rights[right] }),
  )
}

/**
 * Who asks, as the database knows them now. Throws `unauthenticated` for nobody, `forbidden` for somebody shut out;
 * the refusal stands in the audit trail under the action that they wanted.
 */
export async function requirePerson(db: Db, actor: Actor, action: string): Promise<Person> {
  return await recordDenial(db, actor, { action }, () => findWhoMayAct(db, actor.userId))
}

/** The same for what an administrator of the platform alone may do. */
export async function requireAdministrator(db: Db, actor: Actor, action: string): Promise<Person> {
  return await recordDenial(db, actor, { action }, async () => {
    const person = await findWhoMayAct(db, actor.userId)
    if (!person.isAdministrator) throw new AppError('forbidden', 'Only an administrator of the platform may do this.')
    return person
  })
}

/** The same for what makes somebody a firm's member, which the platform's personnel cannot be. */
export async function requireRegisteredUser(db: Db, actor: Actor, action: string): Promise<Person> {
  return await recordDenial(db, actor, { action }, async () => {
    const person = await findWhoMayAct(db, actor.userId)
    if (person.userType !== 'registered_user')
      throw new AppError('forbidden', 'Personnel of the platform belong to no firm here. Use an account of your own.')
    return person
  })
}

async function findWhoMayAct(db: Db, userId: UserId): Promise<Person> {
  const person = await findPerson(db, userId)
  if (person === undefined) throw new AccessDenied('unauthenticated')
  if (person.isShutOut) throw new AccessDenied('account_locked')
  return person
}

const recorded = new WeakSet<AppError>()

/** Whether this is a refusal that stands in the audit trail. */
export const isRecorded = (error: unknown): boolean => isAppError(error) && recorded.has(error)

/**
 * Runs `work`, which may refuse; a refusal goes on, and stands in the audit trail. Wrap it around a transaction, not
 * into one: there it would be rolled back with the rest.
 */
export async function recordDenial<Result>(
  db: Db,
  actor: EventActor,
  event: Omit<NewEvent, 'outcome'>,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (isAppError(error)) {
      const details = { ...event.details, ...error.details }
      await recordEvent(db, actor, { ...event, outcome: error.code, details })
      recorded.add(error)
    }
    throw error
  }
}

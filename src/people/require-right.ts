import type { Db } from '../database/connection/client.ts'
import { type EventActor, type NewEvent, recordEvent } from '../database/audit/events.ts'
import { type Membership, requireMembership } from '../database/people/membership.ts'
import { findPerson, type Person } from '../database/people/accounts.ts'
import { AccessDenied, AppError, isAppError } from '../errors/app-error.ts'
import type { Actor, DocumentId, FirmId, UserId } from '../vocabulary/vocabulary.ts'
import { type RightName, rights } from './rights.ts'

type Needs = { db: Db }
type Place = { firmId: FirmId; documentId?: DocumentId }

/** Checks a right against the current rows. A denial is thrown and recorded in the audit trail. */
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
 * Returns the caller's current row. Throws `unauthenticated` for an unknown person, `forbidden` for a locked one, and
 * records the denial under the requested action.
 */
export async function requirePerson(db: Db, actor: Actor, action: string): Promise<Person> {
  return await recordDenial(db, actor, { action }, () => findActivePerson(db, actor.userId))
}

/** Like `requirePerson`, for administrators of the platform only. */
export async function requireAdministrator(db: Db, actor: Actor, action: string): Promise<Person> {
  return await recordDenial(db, actor, { action }, async () => {
    const person = await findActivePerson(db, actor.userId)
    if (!person.isAdministrator) throw new AppError('forbidden', 'Only an administrator of the platform may do this.')
    return person
  })
}

/** Like `requirePerson`, for people who can be a member of a firm; the platform's personnel cannot. */
export async function requireRegisteredUser(db: Db, actor: Actor, action: string): Promise<Person> {
  return await recordDenial(db, actor, { action }, async () => {
    const person = await findActivePerson(db, actor.userId)
    if (person.userType !== 'registered_user')
      throw new AppError('forbidden', 'Personnel of the platform belong to no firm here. Use an account of your own.')
    return person
  })
}

async function findActivePerson(db: Db, userId: UserId): Promise<Person> {
  const person = await findPerson(db, userId)
  if (person === undefined) throw new AccessDenied('unauthenticated')
  if (person.isShutOut) throw new AccessDenied('account_locked')
  return person
}

const recorded = new WeakSet<AppError>()

/** Whether the audit trail has this error. */
export const isRecorded = (error: unknown): boolean => isAppError(error) && recorded.has(error)

/**
 * Runs `work`, records an `AppError` in the audit trail and throws it again. Call it around a transaction, not inside:
 * the rollback would remove the event.
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

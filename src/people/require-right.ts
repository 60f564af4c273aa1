import type { Db, Tx } from '../database/connection/client.ts'
import { type EventActor, type NewEvent, recordEvent } from '../database/audit/events.ts'
import { requireMembershipToRead } from '../database/audit/record-outside-reads.ts'
import { type Membership, requireMembership } from '../database/people/check-access.ts'
import { findCaller, type Person } from '../database/people/accounts.ts'
import { findUnverifiedEmail } from '../database/people/unverified-emails.ts'
import { AccessDenied, AppError, isAppError } from '../errors/app-error.ts'
import type { Actor, ApiKeyScope, Caller, DocumentId, FirmId, Restriction } from '../vocabulary/vocabulary.ts'
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
    requireMembership(db, { caller: actor, firmId, right: rights[right] }),
  )
}

/** As `requireRight`, for reads that leave no event when a member of the firm makes them, but one of anybody else. */
export async function requireRightToRead(
  { db }: Needs,
  actor: Actor,
  right: RightName,
  { firmId }: Pick<Place, 'firmId'>,
): Promise<Membership> {
  return await recordDenial(db, actor, { action: rights[right].event, firmId }, () =>
    requireMembershipToRead(db, actor, { firmId, right: rights[right] }),
  )
}

/**
 * Returns the caller's current row. Throws `unauthenticated` for an unknown person or a session that is over, `forbidden`
 * for a locked person, and the restriction of the session unless it is `allowed`. Records the denial under the action.
 * `scope`: API keys with this scope may call it, also keys of one firm; without it, no API key may.
 */
export async function requirePerson(
  db: Db,
  actor: Actor,
  action: string,
  { allowed = [], scope = null }: { allowed?: readonly Restriction[]; scope?: ApiKeyScope | null } = {},
): Promise<Person> {
  return await recordDenial(db, actor, { action }, () => findActivePerson(db, actor, { allowed, scope }))
}

type AdministratorOptions = {
  scope?: ApiKeyScope | null
  details?: Record<string, unknown>
  /** For others: what they may do instead. */
  advice?: string
}

/** Like `requirePerson`, for administrators of the platform only. A key of one firm is denied. `details`: of a denial. */
export async function requireAdministrator(
  db: Db,
  actor: Actor,
  action: string,
  { scope = null, details = {}, advice }: AdministratorOptions = {},
): Promise<Person> {
  return await recordDenial(db, actor, { action, details }, async () => {
    return await findAdministrator(db, actor, scope, advice)
  })
}

/** Like `requirePerson`, for reviewers and administrators of the platform, and their API keys that review. */
export async function requireReviewer(db: Db, actor: Actor, action: string): Promise<Person> {
  return await recordDenial(db, actor, { action }, () => assertReviewer(db, actor))
}

/** Like `requireReviewer`, inside a `recordDenial` and behind a lock: no denial is recorded. */
export async function assertReviewer(db: Db | Tx, actor: Actor): Promise<Person> {
  const person = await findActivePerson(db, actor, { scope: 'review' })
  if (!person.isAdministrator && !person.isReviewer)
    throw new AppError('forbidden', 'Only a reviewer or an administrator of the platform may do this.')
  return person
}

/** Like `requireAdministrator`, inside a `recordDenial` and behind a lock: no API key may, and no denial is recorded. */
export async function assertAdministrator(db: Db | Tx, actor: Actor): Promise<void> {
  await findAdministrator(db, actor, null)
}

async function findAdministrator(
  db: Db | Tx,
  actor: Actor,
  scope: ApiKeyScope | null,
  advice?: string,
): Promise<Person> {
  const person = await findActivePerson(db, actor, { scope })
  if (person.keyFirmId !== null) throw new AccessDenied('key_of_other_firm')
  const sentences = ['Only an administrator of the platform may do this.', ...(advice === undefined ? [] : [advice])]
  if (!person.isAdministrator) throw new AppError('forbidden', sentences.join(' '))
  return person
}

/** Like `requirePerson`, for people who can be a member of a firm; the platform's personnel cannot. */
export async function requireRegisteredUser(
  db: Db,
  actor: Actor,
  action: string,
  { allowed = [] }: { allowed?: readonly Restriction[] } = {},
): Promise<Person> {
  return await recordDenial(db, actor, { action }, async () => {
    const person = await findActivePerson(db, actor, { allowed })
    if (person.userType !== 'registered_user')
      throw new AppError('forbidden', 'Personnel of the platform belong to no firm here. Use an account of your own.')
    return person
  })
}

/** Again in a transaction, behind its locks: the session or the person may have ended meanwhile. Throws the denial. */
export async function assertSignedIn(trx: Tx, actor: Actor, exceptions: Exceptions = {}): Promise<void> {
  await findActivePerson(trx, actor, exceptions)
}

/**
 * Throws `email_unverified`: somebody else may have registered with the address, and would keep what lets them in when its
 * person takes the account over.
 */
export async function requireVerifiedEmail(
  { db, mailIsOn }: Needs & { mailIsOn: boolean },
  actor: Actor,
  action: string,
): Promise<void> {
  await recordDenial(db, actor, { action }, () => assertVerifiedEmail(db, mailIsOn, actor))
}

/** Like `requireVerifiedEmail`, inside a `recordDenial`: no denial is recorded. */
export async function assertVerifiedEmail(
  db: Db | Tx,
  mailIsOn: boolean,
  { userId }: Pick<Actor, 'userId'>,
): Promise<void> {
  if (mailIsOn && (await findUnverifiedEmail(db, userId)) !== undefined) throw new AccessDenied('email_unverified')
}

type Exceptions = { allowed?: readonly Restriction[]; scope?: ApiKeyScope | null }

async function findActivePerson(
  db: Db | Tx,
  caller: Caller,
  { allowed = [], scope = null }: Exceptions = {},
): Promise<Person> {
  const person = await findCaller(db, caller)
  if (person === undefined) throw new AccessDenied('unauthenticated')
  if (person.isSignedOut) throw new AccessDenied('session_over')
  if (person.isKeyOver) throw new AccessDenied('key_over')
  if (person.isShutOut) throw new AccessDenied('account_locked')
  if (person.restriction !== null && !allowed.includes(person.restriction)) throw new AccessDenied(person.restriction)
  assertKeyMay(person, scope)
  return person
}

/** A caller without an API key may. */
function assertKeyMay({ keyScopes, isKeyWithoutMaker }: Person, scope: ApiKeyScope | null): void {
  if (keyScopes === null) return
  if (scope === null || !keyScopes.includes(scope)) throw new AccessDenied('key_scope')
  if (isKeyWithoutMaker) throw new AccessDenied('key_maker')
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

import { type EventActor, recordEvent } from '../../database/audit/events.ts'
import type { Db, Tx } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { removeFailures } from '../../database/passwords/login-failures.ts'
import { findPerson, lockAccount } from '../../database/people/accounts.ts'
import { endSessionsOf } from '../../database/people/sessions.ts'
import {
  deleteAccess,
  deleteCounters,
  deleteMailAndInvitations,
  deleteMemberships,
  eraseAccount,
  findPersonKeys,
  hasTraces,
  isInOtherFirm,
  isLastAdministrator,
  listFirmsWithoutOtherAdmin,
  lockErasures,
  lockFirmsOf,
  lockWholeAccount,
  type PersonKeys,
} from '../../database/personal-data/erase-account.ts'
import { deleteFields, deleteFieldsAbout } from '../../database/personal-data/erase-fields.ts'
import { type Erasure, finishErasure, upsertErasure } from '../../database/personal-data/erasures.ts'
import { hasAdoptedPlatformTables } from '../../database/schema/installation.ts'
import { deleteFactors } from '../../database/second-factors/factors.ts'
import { AppError } from '../../errors/app-error.ts'
import type { Actor, Clock, FirmId, UserId } from '../../vocabulary/vocabulary.ts'
import { assertAdministrator, recordDenial, requireAdministrator } from '../require-right.ts'
import { failuresOf } from '../second-factors/answer-challenge.ts'
import { noSuchPerson } from '../unknown-and-erased-people.ts'

type Needs = { db: Db; now: Clock }

export type EraseRequest = {
  userId: UserId
  /** Also if a firm then has no active firm_admin. */
  evenLastAdmin: boolean
  /** Also if nobody administers the platform then. */
  evenLastAdministrator?: boolean
}

/** `own_tables_and_events`: the account and its memberships are the platform's, which made the tables, and stay. */
export type ErasureCovers = 'everything' | 'own_tables_and_events'
export type ErasedPerson = Erasure & { covers: ErasureCovers }

const action = 'person.erased'

/**
 * For an administrator: erases a person from our tables and from the audit trail, and their account and memberships where
 * the platform did not make these tables. A repeat succeeds. Throws `conflict` for the administrator's own account, for the
 * last administrator and for the last active firm_admin of a firm; `not_found` for an unknown person.
 */
export async function erasePerson(needs: Needs, actor: Actor, request: EraseRequest): Promise<ErasedPerson> {
  const { userId } = request
  const details = { user_id: userId }
  await requireAdministrator(needs.db, actor, action, { details })
  return await recordDenial(needs.db, actor, { action, details }, async () => {
    if (userId === actor.userId)
      throw new AppError('conflict', 'Another administrator must erase your account, not you.')
    // Again behind the lock: two administrators may erase each other.
    return await erase(needs, actor, request, (trx) => assertAdministrator(trx, actor))
  })
}

/** Like `erasePerson`, for the command line and a restore. `assertMay` runs behind the lock. */
export async function erase(
  needs: Needs,
  actor: EventActor,
  request: EraseRequest,
  assertMay: (trx: Tx) => Promise<void> = async () => undefined,
): Promise<ErasedPerson> {
  const { db, now } = needs
  const isPlatforms = await hasAdoptedPlatformTables(db)
  const keys = await findPersonKeys(db, request.userId)
  const attempt = () =>
    inTransaction(db, async (trx) => {
      await lockErasures(trx)
      await assertMay(trx)
      return await eraseRows(trx, { actor, keys, isPlatforms, at: now(), ...request })
    })
  const erasure = await attempt().catch((error: unknown) => {
    if (error instanceof JoinedMeanwhile) return attempt()
    throw error
  })
  const covers = isPlatforms ? 'own_tables_and_events' : 'everything'
  return { ...erasure, finishedAt: await eraseFieldsOf(needs, request.userId), covers }
}

/** The person joined a firm before their account was locked. Its lock comes before that of the account: begin again. */
class JoinedMeanwhile extends AppError {
  constructor() {
    super('conflict', 'The person joined a firm at this moment. Try again.')
  }
}

type Erasing = EraseRequest & { actor: EventActor; keys: PersonKeys; isPlatforms: boolean; at: Date }

/** Everything but the fields of the person's own events, which may be many: the job finishes them after a kill. */
async function eraseRows(trx: Tx, erasing: Erasing): Promise<Erasure> {
  const { userId, actor, keys, isPlatforms, at } = erasing
  const firms = isPlatforms ? [] : await lockFirmsOf(trx, userId)
  if (keys.emailDigest !== undefined) await removeFailures(trx, keys.emailDigest)
  await removeFailures(trx, failuresOf(userId))
  await lockWholeAccount(trx, userId)
  await requireKnown(trx, userId)
  if (!isPlatforms) await eraseOwnAccount(trx, erasing, firms)
  await endSessionsOf(trx, userId, at)
  await deleteFactors(trx, userId)
  await deleteAccess(trx, userId, { keepsAccount: isPlatforms })
  await deleteMailAndInvitations(trx, userId, keys)
  await deleteCounters(trx, userId, keys)
  await deleteFieldsAbout(trx, userId, keys)
  const erasure = await upsertErasure(trx, { userId, erasedAt: at, erasedBy: actor.userId })
  const details = { user_id: userId, account: isPlatforms ? 'kept_by_the_platform' : 'erased' }
  await recordEvent(trx, actor, { action, outcome: 'ok', details })
  return erasure
}

/** The platform may have removed its row before: our tables still have traces. */
async function requireKnown(trx: Tx, userId: UserId): Promise<void> {
  if ((await lockAccount(trx, userId)) !== undefined) return
  if ((await findPerson(trx, userId)) !== undefined || (await hasTraces(trx, userId))) return
  throw noSuchPerson()
}

async function eraseOwnAccount(trx: Tx, erasing: Erasing, firms: FirmId[]): Promise<void> {
  const { userId, actor, at, evenLastAdmin, evenLastAdministrator = false } = erasing
  // Nobody joins a firm while the account is locked.
  if (await isInOtherFirm(trx, userId, firms)) throw new JoinedMeanwhile()
  if (!evenLastAdministrator && (await isLastAdministrator(trx, userId)))
    throw new AppError('conflict', 'This is the last administrator of the platform. Make another one first.')
  if (!evenLastAdmin) await assertFirmsKeepAnAdmin(trx, userId)
  for (const { firmId, role, status } of await deleteMemberships(trx, userId)) {
    const details = { user_id: userId, role, status, reason: 'erased' }
    await recordEvent(trx, actor, { action: 'member.removed', outcome: 'ok', firmId, details })
  }
  await eraseAccount(trx, userId, at)
}

const maxNamed = 5

async function assertFirmsKeepAnAdmin(trx: Tx, userId: UserId): Promise<void> {
  const firms = await listFirmsWithoutOtherAdmin(trx, userId)
  if (firms.length === 0) return
  const named = firms.slice(0, maxNamed).map(({ id, name }) => `${name} (${id})`)
  const more = firms.length > maxNamed ? ` and ${firms.length - maxNamed} more` : ''
  throw new AppError(
    'conflict',
    `This person is the last active firm_admin of ${named.join(', ')}${more}. Let the firm make somebody else a firm_admin first, or send {"even_last_admin": true} (on the command line: --even-last-admin): nobody manages its members then.`,
  )
}

const fieldsAtOnce = 1000
/** Of one request. The job continues. */
const maxBatches = 100

/**
 * Deletes the personal fields of the events of an erased person, and returns when the last one was deleted; null if some are
 * left. Another call continues.
 */
export async function eraseFieldsOf({ db, now }: Needs, userId: UserId, signal?: AbortSignal): Promise<Date | null> {
  for (let batch = 0; batch < maxBatches; batch += 1) {
    if (signal?.aborted === true) return null
    const { isLast } = await deleteFields(db, { size: fieldsAtOnce, of: { userId } })
    if (isLast) return await finishErasure(db, userId, now())
  }
  return null
}

import { recordEvent } from '../../database/audit/events.ts'
import type { Db, Tx } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { endSessionsOf } from '../../database/people/sessions.ts'
import { lockErasures } from '../../database/personal-data/erase-account.ts'
import {
  findUser,
  listUsers,
  setPlatformRole,
  setUserLock,
  type User,
  type UserFilter,
  type UserPage,
} from '../../database/users/users.ts'
import { AppError } from '../../errors/app-error.ts'
import { type NotifyNeeds, notifyOfChange } from '../../mail/notify.ts'
import type { Actor, Clock, PlatformRole, UserId } from '../../vocabulary/vocabulary.ts'
import { type ProofNeeds, requireFreshProof } from '../passwords/prove-password.ts'
import { assertAdministrator, recordDenial, requireAdministrator } from '../require-right.ts'
import { assertNotErased, noSuchUser } from '../unknown-and-erased-people.ts'

/** The registered users with this e-mail or this role, for administrators. The event names the users, not the e-mail. */
export async function browseUsers(
  { db }: { db: Db },
  actor: Actor,
  { filter, page }: { filter: UserFilter; page: UserPage },
): Promise<User[]> {
  const action = 'users.listed'
  await requireAdministrator(db, actor, action)
  const users = await listUsers(db, filter, page)
  await recordEvent(db, actor, { action, outcome: 'ok', details: { user_ids: users.map(({ id }) => id) } })
  return users
}

/**
 * Makes a registered user a reviewer of the platform, or ends that, from the next request on; for administrators. Throws
 * `not_found`, and `conflict` for an administrator, who reviews already.
 */
export async function changePlatformRole(
  needs: ProofNeeds & NotifyNeeds,
  actor: Actor,
  { userId, role, password }: { userId: UserId; role: PlatformRole | null; password: string | undefined },
): Promise<User> {
  const { db } = needs
  const about = { action: 'user.platform_role_changed', details: { user_id: userId, role } }
  const { email } = await requireAdministrator(db, actor, about.action, { details: about.details })
  if (role !== null) await requireFreshProof(needs, actor, { action: about.action, email, password })
  return await changeUser({ db }, actor, { userId, about }, async (trx, user) => {
    if (role !== null && user.isAdministrator)
      throw new AppError('conflict', 'Administrators of the platform review documents already, and need no other role.')
    if (role !== null) await assertNotErased(trx, userId)
    const isChanged = await setPlatformRole(trx, userId, { role, by: actor.userId })
    if (isChanged && role !== null) await notifyOfChange(needs, trx, userId, { change: 'reviewer_role_given' })
    return isChanged
  })
}

/**
 * Locks a registered user, who can then do nothing, or unlocks them, who then log in again; for administrators. Throws
 * `not_found`, and `forbidden` for the administrator's own account, so that one who can unlock it is left; `conflict` to unlock an erased person.
 */
export async function changeUserLock(
  { db, now }: { db: Db; now: Clock },
  actor: Actor,
  { userId, isLocked }: { userId: UserId; isLocked: boolean },
): Promise<User> {
  const about = { action: 'user.changed', details: { user_id: userId, is_locked: isLocked } }
  return await changeUser({ db }, actor, { userId, about }, async (trx) => {
    if (isLocked && userId === actor.userId)
      throw new AppError('forbidden', 'You cannot lock your own account. Another administrator can.')
    if (!isLocked) await assertNotErased(trx, userId)
    const isChanged = await setUserLock(trx, userId, isLocked)
    // Not earlier: until then its person hears that the account is locked. An unlock by the platform ends none.
    if (isChanged && !isLocked) await endSessionsOf(trx, userId, now())
    return isChanged
  })
}

type About = { action: string; details: Record<string, unknown> }

/**
 * The right is checked again behind the lock, so that two administrators cannot lock each other. `change` returns whether
 * it changed something.
 */
async function changeUser(
  { db }: { db: Db },
  actor: Actor,
  { userId, about }: { userId: UserId; about: About },
  change: (trx: Tx, user: User) => Promise<boolean>,
): Promise<User> {
  return await recordDenial(db, actor, about, async () => {
    await assertAdministrator(db, actor)
    return await inTransaction(db, async (trx) => {
      await lockErasures(trx)
      await assertAdministrator(trx, actor)
      const user = await findUser(trx, userId)
      if (user === undefined) throw noSuchUser()
      if (!(await change(trx, user))) return user
      await recordEvent(trx, actor, { ...about, outcome: 'ok' })
      return (await findUser(trx, userId)) ?? user
    })
  })
}

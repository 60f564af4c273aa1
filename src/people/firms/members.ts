import type { Db, Tx } from '../../database/connection/client.ts'
import { recordEvent } from '../../database/audit/events.ts'
import { lockMembersOf } from '../../database/people/firms.ts'
import { deleteCalendarWithoutMaker } from '../../database/exports/calendars.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import {
  deleteMember,
  findMember,
  lockActiveAdmins,
  listMembers,
  type MemberChange,
  type MemberPage,
  type MemberRecord,
  updateMember,
} from '../../database/people/members.ts'
import { deleteInvitationsWithoutMember } from '../../database/people/open-invitations.ts'
import { type Membership, requireMembership } from '../../database/people/check-access.ts'
import { AppError } from '../../errors/app-error.ts'
import type { Actor, Clock, FirmId, UserId } from '../../vocabulary/vocabulary.ts'
import { endKeysWithoutMaker } from '../api-keys/revoke-api-keys.ts'
import { recordDenial, requireRight, requireRightToRead } from '../require-right.ts'
import { rights } from '../rights.ts'

type Needs = { db: Db; now: Clock }

/**
 * Runs `change` under the lock of the firm's members. The right is checked again behind the lock, so that two
 * administrators cannot remove each other.
 */
export async function changeMembersOf<Result>(
  { db }: { db: Db },
  actor: Actor,
  {
    firmId,
    right,
  }: { firmId: FirmId; right: 'members.change' | 'members.invite' | 'members.leave' | 'calendar.change' },
  change: (trx: Tx, membership: Membership) => Promise<Result>,
): Promise<Result> {
  await requireRight({ db }, actor, right, { firmId })

  return await recordDenial(db, actor, { action: rights[right].event, firmId }, () =>
    inTransaction(db, async (trx) => {
      await lockMembersOf(trx, firmId)
      return await change(trx, await requireMembership(trx, { caller: actor, firmId, right: rights[right] }))
    }),
  )
}

export async function requireMember(trx: Tx, membership: Membership, userId: UserId): Promise<MemberRecord> {
  const member = await findMember(trx, membership, userId)
  if (member === undefined) throw new AppError('not_found', 'This person is not a member of the firm.')
  return member
}

/** Throws `conflict` if the firm would have no active firm_admin left. */
export async function assertNotLastAdmin(trx: Tx, { firmId }: Membership, userId: UserId): Promise<void> {
  const admins = await lockActiveAdmins(trx, firmId)
  if (admins.includes(userId) && admins.every((admin) => admin === userId))
    throw new AppError(
      'conflict',
      'This is the firm’s last active administrator. Make another member its administrator first.',
    )
}

/**
 * After a change of a membership, in its transaction: ends what would outlast it, which is the API keys that the person made
 * for the firm, its calendar's link if it is theirs, the invitations that they made and, so that nobody comes back by themselves, those to them.
 */
export async function endLostGrants(
  { now }: { now: Clock },
  trx: Tx,
  { actor, membership }: { actor: Actor; membership: Membership },
  member: Pick<MemberRecord, 'userId' | 'email'>,
): Promise<void> {
  await endKeysWithoutMaker(trx, actor, member.userId, now())
  if (await deleteCalendarWithoutMaker(trx, membership.firmId))
    await recordEvent(trx, actor, {
      action: 'calendar.deleted',
      outcome: 'ok',
      firmId: membership.firmId,
      details: { reason: 'membership_changed' },
    })
  for (const { id, role } of await deleteInvitationsWithoutMember(trx, membership, member))
    await recordEvent(trx, actor, {
      action: 'invitation.withdrawn',
      outcome: 'ok',
      firmId: membership.firmId,
      details: { invitation_id: id, role, reason: 'membership_changed' },
    })
}

/** Lists all members, including pending and suspended ones, oldest first. */
export async function browseMembers(
  { db }: { db: Db },
  actor: Actor,
  firmId: FirmId,
  page: MemberPage,
): Promise<MemberRecord[]> {
  return await listMembers(db, await requireRightToRead({ db }, actor, 'members.list', { firmId }), page)
}

/**
 * Changes the role or the status of a member. Throws `not_found`, and `conflict` for the last active firm_admin and for a
 * pending member, whose row the platform made.
 */
export async function changeMember(
  needs: Needs,
  actor: Actor,
  { firmId, userId }: { firmId: FirmId; userId: UserId },
  change: MemberChange,
): Promise<MemberRecord> {
  return await changeMembersOf(needs, actor, { firmId, right: 'members.change' }, async (trx, membership) => {
    const before = await requireMember(trx, membership, userId)
    const after = { role: change.role ?? before.role, status: change.status ?? before.status }
    if (after.role === before.role && after.status === before.status) return before
    assertIsNotPlatforms(before)
    if (after.role !== 'firm_admin' || after.status !== 'active') await assertNotLastAdmin(trx, membership, userId)

    await updateMember(trx, membership, userId, change)
    await recordEvent(trx, actor, {
      action: 'member.changed',
      outcome: 'ok',
      firmId,
      details: { user_id: userId, before: { role: before.role, status: before.status }, after },
    })
    await endLostGrants(needs, trx, { actor, membership }, before)
    return await requireMember(trx, membership, userId)
  })
}

function assertIsNotPlatforms({ status }: MemberRecord): void {
  if (status === 'pending')
    throw new AppError(
      'conflict',
      'This membership waits for the platform, and only the platform can activate or remove it. Ask the platform’s support.',
    )
}

/**
 * Ends a membership; the person's account stays. Throws `not_found`, and `conflict` for the last active firm_admin and for a
 * pending member, whose row the platform made.
 */
export async function removeMember(
  needs: Needs,
  actor: Actor,
  { firmId, userId }: { firmId: FirmId; userId: UserId },
): Promise<void> {
  await changeMembersOf(needs, actor, { firmId, right: 'members.change' }, async (trx, membership) => {
    const member = await requireMember(trx, membership, userId)
    const { role, status } = member
    assertIsNotPlatforms(member)
    await assertNotLastAdmin(trx, membership, userId)

    await deleteMember(trx, membership, userId)
    await recordEvent(trx, actor, {
      action: 'member.removed',
      outcome: 'ok',
      firmId,
      details: { user_id: userId, role, status },
    })
    await endLostGrants(needs, trx, { actor, membership }, member)
  })
}

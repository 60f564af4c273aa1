import { findAccountByEmail } from '../../database/people/accounts.ts'
import type { Db, Tx } from '../../database/connection/client.ts'
import { recordEvent } from '../../database/audit/events.ts'
import { lockMembersOf } from '../../database/people/firms.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import {
  deleteMember,
  findMember,
  lockActiveAdmins,
  insertMember,
  listMembers,
  type MemberChange,
  type MemberPage,
  type MemberRecord,
  updateMember,
} from '../../database/people/members.ts'
import { type Membership, requireMembership } from '../../database/people/membership.ts'
import { AppError } from '../../errors/app-error.ts'
import type { Actor, FirmId, FirmRole, MemberStatus, UserId } from '../../vocabulary/vocabulary.ts'
import { requireRight } from '../require-right.ts'
import { rights } from '../rights.ts'

/**
 * Runs `change` under the lock of the firm's members. The right is checked again behind the lock, so that two
 * administrators cannot remove each other.
 */
async function changeMembersOf<Result>(
  { db }: { db: Db },
  actor: Actor,
  firmId: FirmId,
  change: (trx: Tx, membership: Membership) => Promise<Result>,
): Promise<Result> {
  await requireRight({ db }, actor, 'members.change', { firmId })

  return await inTransaction(db, async (trx) => {
    await lockMembersOf(trx, firmId)
    const right = rights['members.change']
    return await change(trx, await requireMembership(trx, { userId: actor.userId, firmId, right }))
  })
}

async function requireMember(trx: Tx, membership: Membership, userId: UserId): Promise<MemberRecord> {
  const member = await findMember(trx, membership, userId)
  if (member === undefined) throw new AppError('not_found', 'This person is not a member of the firm.')
  return member
}

/** Throws `conflict` if the firm would have no active firm_admin left. */
async function assertNotLastAdmin(trx: Tx, { firmId }: Membership, userId: UserId): Promise<void> {
  const admins = await lockActiveAdmins(trx, firmId)
  if (admins.includes(userId) && admins.every((admin) => admin === userId))
    throw new AppError('conflict', 'This is the firm’s last active firm_admin. Make somebody else a firm_admin first.')
}

/**
 * Adds a person with an account as an active member, also one with an open invitation. Throws `not_found` for an e-mail
 * without an account, `conflict` for an active or suspended member.
 */
export async function addMember(
  { db }: { db: Db },
  actor: Actor,
  firmId: FirmId,
  { email, role }: { email: string; role: FirmRole },
): Promise<MemberRecord> {
  return await changeMembersOf({ db }, actor, firmId, async (trx, membership) => {
    const account = await findAccountByEmail(trx, email)
    if (account === undefined)
      throw new AppError('not_found', 'Nobody with this e-mail has an account. Ask them to register first.')

    const member = await findMember(trx, membership, account.id)
    if (member === undefined) await insertMember(trx, { firmId, userId: account.id, role, invitedBy: actor.userId })
    else {
      assertIsPending(member.status)
      await updateMember(trx, membership, account.id, { role, status: 'active' })
    }
    await recordEvent(trx, actor, {
      action: 'member.added',
      outcome: 'ok',
      firmId,
      details: { user_id: account.id, role },
    })
    return await requireMember(trx, membership, account.id)
  })
}

function assertIsPending(status: MemberStatus): void {
  switch (status) {
    case 'pending':
      return
    case 'active':
      throw new AppError('conflict', 'This person is a member already. Change their role instead.')
    case 'suspended':
      throw new AppError('conflict', 'This person is a suspended member. Set their status to active instead.')
  }
}

/** Lists all members, including pending and suspended ones, oldest first. */
export async function browseMembers(
  { db }: { db: Db },
  actor: Actor,
  firmId: FirmId,
  page: MemberPage,
): Promise<MemberRecord[]> {
  return await listMembers(db, await requireRight({ db }, actor, 'members.list', { firmId }), page)
}

/** Changes the role or the status of a member. Throws `not_found`, and `conflict` for the last active firm_admin. */
export async function changeMember(
  { db }: { db: Db },
  actor: Actor,
  { firmId, userId }: { firmId: FirmId; userId: UserId },
  change: MemberChange,
): Promise<MemberRecord> {
  return await changeMembersOf({ db }, actor, firmId, async (trx, membership) => {
    const before = await requireMember(trx, membership, userId)
    const after = { role: change.role ?? before.role, status: change.status ?? before.status }
    if (after.role === before.role && after.status === before.status) return before
    if (after.role !== 'firm_admin' || after.status !== 'active') await assertNotLastAdmin(trx, membership, userId)

    await updateMember(trx, membership, userId, change)
    await recordEvent(trx, actor, {
      action: 'member.changed',
      outcome: 'ok',
      firmId,
      details: { user_id: userId, before: { role: before.role, status: before.status }, after },
    })
    return await requireMember(trx, membership, userId)
  })
}

/** Ends a membership; the person's account stays. Throws `not_found`, and `conflict` for the last active firm_admin. */
export async function removeMember(
  { db }: { db: Db },
  actor: Actor,
  { firmId, userId }: { firmId: FirmId; userId: UserId },
): Promise<void> {
  await changeMembersOf({ db }, actor, firmId, async (trx, membership) => {
    const { role, status } = await requireMember(trx, membership, userId)
    await assertNotLastAdmin(trx, membership, userId)

    await deleteMember(trx, membership, userId)
    await recordEvent(trx, actor, {
      action: 'member.removed',
      outcome: 'ok',
      firmId,
      details: { user_id: userId, role, status },
    })
  })
}

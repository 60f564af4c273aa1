import type { Db, Tx } from '../database/client.ts'
import { lockMembersOf } from '../database/firms.ts'
import { inTransaction } from '../database/in-transaction.ts'
import { findMember, holdActiveAdmins, type MemberRecord } from '../database/members.ts'
import { type Membership, requireMembership } from '../database/membership.ts'
import { AppError } from '../errors.ts'
import type { Actor, FirmId, UserId } from '../vocabulary.ts'
import { requireRight } from './require-right.ts'
import { rights } from './rights.ts'

/**
 * Runs `change` as the only one that changes this firm's members now, for somebody who may. The right is decided once
 * more behind the lock: two administrators who remove each other do not both succeed.
 */
export async function changeMembersOf<Result>(
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

export async function requireMember(trx: Tx, membership: Membership, userId: UserId): Promise<MemberRecord> {
  const member = await findMember(trx, membership, userId)
  if (member === undefined) throw new AppError('not_found', 'This person is not a member of the firm.')
  return member
}

/** Throws `conflict` when the firm would be left without anybody who can look after its members. */
export async function assertNotLastAdmin(trx: Tx, { firmId }: Membership, userId: UserId): Promise<void> {
  const admins = await holdActiveAdmins(trx, firmId)
  if (admins.includes(userId) && admins.every((admin) => admin === userId))
    throw new AppError('conflict', 'This is the firm’s last active firm_admin. Make somebody else a firm_admin first.')
}

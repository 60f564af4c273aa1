import type { Db } from '../database/client.ts'
import { recordEvent } from '../database/events.ts'
import { type MemberChange, type MemberRecord, updateMember } from '../database/members.ts'
import type { Actor, FirmId, UserId } from '../vocabulary.ts'
import { assertNotLastAdmin, changeMembersOf, requireMember } from './change-members-of.ts'

/** Gives a member another role, or suspends or reinstates them. Throws `not_found`, and `conflict` for the last active firm_admin. */
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

import type { Db } from '../database/client.ts'
import { recordEvent } from '../database/events.ts'
import { deleteMember } from '../database/members.ts'
import type { Actor, FirmId, UserId } from '../vocabulary.ts'
import { assertNotLastAdmin, changeMembersOf, requireMember } from './change-members-of.ts'

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

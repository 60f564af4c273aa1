import { findAccountByEmail } from '../database/accounts.ts'
import type { Db } from '../database/client.ts'
import { recordEvent } from '../database/events.ts'
import { findMember, insertMember, type MemberRecord, updateMember } from '../database/members.ts'
import { AppError } from '../errors.ts'
import type { Actor, FirmId, FirmRole, MemberStatus } from '../vocabulary.ts'
import { changeMembersOf, requireMember } from './change-members-of.ts'

/**
 * Makes somebody who has an account a member at once; one whose invitation is open too. Throws `not_found` for an
 * e-mail without an account, `conflict` for a member: a suspension is lifted on purpose, not by adding again.
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

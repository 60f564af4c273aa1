import type { Db } from '../database/client.ts'
import { listMembers, type MemberPage, type MemberRecord } from '../database/members.ts'
import type { Actor, FirmId } from '../vocabulary.ts'
import { requireRight } from './require-right.ts'

/** Everybody who belongs to the firm, also who waits or is suspended, in the order in which they came. */
export async function browseMembers(
  { db }: { db: Db },
  actor: Actor,
  firmId: FirmId,
  page: MemberPage,
): Promise<MemberRecord[]> {
  return await listMembers(db, await requireRight({ db }, actor, 'members.list', { firmId }), page)
}

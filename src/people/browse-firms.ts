import type { Db } from '../database/client.ts'
import { type Firm, type FirmOfPerson, type FirmPage, listEveryFirm, listFirmsOf, readFirm } from '../database/firms.ts'
import type { Membership } from '../database/membership.ts'
import { type Quota, readRoom, type Room } from '../database/quotas.ts'
import type { Actor, FirmId } from '../vocabulary.ts'
import { requirePerson } from './require-person.ts'
import { requireRight } from './require-right.ts'

type Needs = { db: Db }
type WholeNeeds = Needs & { usualQuota: Quota }

/** The firms that the person is an active member of; for an administrator every firm. Newest first. */
export async function browseFirms({ db }: Needs, actor: Actor, page: FirmPage): Promise<FirmOfPerson[]> {
  const person = await requirePerson(db, actor, 'firms.listed')
  return person.isAdministrator ? await listEveryFirm(db, page) : await listFirmsOf(db, person.id, page)
}

export type FirmSeen = { firm: Firm; role: Membership['role']; room: Room }

export async function viewFirm({ db, usualQuota }: WholeNeeds, actor: Actor, firmId: FirmId): Promise<FirmSeen> {
  const membership = await requireRight({ db }, actor, 'firm.read', { firmId })
  const room = await readRoom(db, { firmId, usualQuota, scope: undefined })
  return { firm: await readFirm(db, membership), role: membership.role, room }
}

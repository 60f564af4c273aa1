import type { Db } from '../database/client.ts'
import { type Membership, requireMembership } from '../database/membership.ts'
import type { Actor, DocumentId, FirmId } from '../vocabulary.ts'
import { recordRefusal } from './record-refusal.ts'
import { type RightName, rights } from './rights.ts'

type Needs = { db: Db }
type Place = { firmId: FirmId; documentId?: DocumentId }

/** Decides a right with the facts of this moment. A refusal is thrown, and stands in the audit trail. */
export async function requireRight(
  { db }: Needs,
  actor: Actor,
  right: RightName,
  { firmId, documentId }: Place,
): Promise<Membership> {
  const event = { action: rights[right].event, firmId, ...(documentId === undefined ? {} : { documentId }) }
  return await recordRefusal(db, actor, event, () =>
    requireMembership(db, { userId: actor.userId, firmId, right: rights[right] }),
  )
}

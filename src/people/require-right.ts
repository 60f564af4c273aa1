import type { Db } from '../database/client.ts'
import { recordEvent } from '../database/events.ts'
import { type Membership, requireMembership } from '../database/membership.ts'
import { isAppError } from '../errors.ts'
import type { Actor, DocumentId, FirmId } from '../vocabulary.ts'
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
  try {
    return await requireMembership(db, { userId: actor.userId, firmId, right: rights[right] })
  } catch (error) {
    if (isAppError(error))
      await recordEvent(db, actor, {
        action: rights[right].event,
        outcome: error.code,
        firmId,
        ...(documentId === undefined ? {} : { documentId }),
      })
    throw error
  }
}

import type { EventActor } from '../../database/audit/events.ts'
import type { Db } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { listErasures, upsertErasure } from '../../database/personal-data/erasures.ts'
import { isAppError } from '../../errors/app-error.ts'
import type { Clock, UserId } from '../../vocabulary/vocabulary.ts'
import { erase } from './erase-person.ts'

type Needs = { db: Db; now: Clock }

/**
 * After a restore of an older backup: erases the people again who were erased since. A person who was not there at the time
 * of the backup is recorded as erased. Returns how many were erased. A second call finds nothing to do.
 */
export async function eraseAgain(needs: Needs, actor: EventActor, userIds: readonly UserId[]): Promise<number> {
  const { db, now } = needs
  const known = new Set((await listErasures(db)).map(({ userId }) => userId))
  let erased = 0
  for (const userId of userIds.filter((id) => !known.has(id))) {
    try {
      await erase(needs, actor, { userId, evenLastAdmin: true, evenLastAdministrator: true })
      erased += 1
    } catch (error) {
      if (!isAppError(error, 'not_found')) throw error
      await inTransaction(db, (trx) => upsertErasure(trx, { userId, erasedAt: now(), erasedBy: null }))
    }
  }
  return erased
}

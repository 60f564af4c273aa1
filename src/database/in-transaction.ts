import type { ControlledTransaction } from 'kysely'
import { DatabaseError } from 'pg'

import type { Db } from './client.ts'
import type { Tables } from './tables.ts'

/** The answer to COMMIT was lost: the change may stand or not. Nothing that it names may be removed. */
export class OutcomeUnknown extends Error {
  override readonly name = 'OutcomeUnknown'
}

/**
 * Runs `work` in a transaction. Whatever `work` throws comes out after a rollback, so the change is known not to
 * stand; a COMMIT whose answer did not come throws `OutcomeUnknown`.
 */
export async function inTransaction<Result>(
  db: Db,
  work: (trx: ControlledTransaction<Tables>) => Promise<Result>,
): Promise<Result> {
  const trx = await db.startTransaction().execute()
  let result: Result
  try {
    result = await work(trx)
  } catch (error) {
    await letGo(trx)
    throw error
  }
  try {
    await trx.commit().execute()
  } catch (error) {
    await letGo(trx)
    throw outcomeOf(error)
  }
  return result
}

/** Gives the connection back in every case. A rollback that fails means a broken one, on which the server rolls back by itself. */
async function letGo(trx: ControlledTransaction<Tables>): Promise<void> {
  await trx
    .rollback()
    .execute()
    .catch(() => undefined)
}

/** What the server itself says, but that it is ending or does not know, means that it did not commit; all else is silence. */
function outcomeOf(error: unknown): unknown {
  const isServersWord = error instanceof DatabaseError && !/^(08|57P|40003)/.test(error.code ?? '')
  return isServersWord
    ? error
    : new OutcomeUnknown('the database did not say whether it kept the change', { cause: error })
}

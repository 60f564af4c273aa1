import type { ControlledTransaction } from 'kysely'
import { DatabaseError } from 'pg'

import type { Db } from './client.ts'
import type { Tables } from './tables.ts'

/** The answer to COMMIT was lost: the change may be saved or not. Nothing that it names may be removed. */
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
    await rollBack(trx)
    throw error
  }
  try {
    await trx.commit().execute()
  } catch (error) {
    await rollBack(trx)
    throw outcomeOf(error)
  }
  return result
}

/**
 * Runs one statement that is a transaction of its own. It throws what the server says, or `OutcomeUnknown` when an answer
 * did not come; without a connection nothing is sent, and the error says why.
 */
export async function inOneStatement<Result>(db: Db, run: (connection: Db) => Promise<Result>): Promise<Result> {
  return db.connection().execute(async (connection) => {
    try {
      return await run(connection)
    } catch (error) {
      throw outcomeOf(error)
    }
  })
}

/** Gives the connection back in every case. A rollback that fails means a broken one, on which the server rolls back by itself. */
async function rollBack(trx: ControlledTransaction<Tables>): Promise<void> {
  await trx
    .rollback()
    .execute()
    .catch(() => undefined)
}

function outcomeOf(error: unknown): unknown {
  return hasChangedNothing(error)
    ? error
    : new OutcomeUnknown('the database did not confirm the change', { cause: error })
}

/**
 * Whether the failed statement or COMMIT changed nothing for sure: an answer of the server says so, unless the server is
 * shutting down or does not know. All else is silence.
 */
export function hasChangedNothing(error: unknown): boolean {
  return error instanceof DatabaseError && !/^(08|57P|40003)/.test(error.code ?? '')
}

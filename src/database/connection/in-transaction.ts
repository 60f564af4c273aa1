import { type ControlledTransaction, sql } from 'kysely'
import { DatabaseError } from 'pg'

import type { Db, Tx } from './client.ts'
import type { Tables } from './tables.ts'

/** The answer to COMMIT was lost, so the change may be saved or not. No blob that it names may be removed. */
export class OutcomeUnknown extends Error {
  override readonly name = 'OutcomeUnknown'
}

/**
 * Runs `work` in a transaction. If `work` throws, the transaction is rolled back and the same error is thrown. Throws
 * `OutcomeUnknown` if COMMIT gets no answer.
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
 * Runs one statement as its own transaction. Throws the server's error, `OutcomeUnknown` if no answer comes, or the error of
 * the connection if there is none; then nothing was sent.
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

/**
 * Always returns the connection to the pool. If ROLLBACK fails, the connection is broken and the server rolls back by
 * itself.
 */
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
 * Whether the failed statement or COMMIT certainly changed nothing: the server answered with an error, and the error does not
 * mean that it is shutting down or does not know the outcome. Without an answer the outcome is unknown.
 */
export function hasChangedNothing(error: unknown): boolean {
  return error instanceof DatabaseError && !/^(08|57P|40003)/.test(error.code ?? '')
}

/** Until the transaction ends, it waits for each lock of another transaction for `ms` at most, and then fails. */
export async function limitLockWait(trx: Tx, ms: number): Promise<void> {
  await sql`select set_config('lock_timeout', ${String(ms)}, true)`.execute(trx)
}

import type { ControlledTransaction } from 'kysely'
import { onTestFinished } from 'vitest'

import type { Db } from '../../../src/database/connection/client.ts'
import type { Tables } from '../../../src/database/connection/tables.ts'

/**
 * A transaction controlled by the test. If the test has not ended it, it is rolled back at the test's end, so that
 * nothing waits for it.
 */
export async function begin(db: Db): Promise<ControlledTransaction<Tables>> {
  const trx = await db.startTransaction().execute()
  onTestFinished(async () => {
    if (!trx.isCommitted && !trx.isRolledBack) await trx.rollback().execute()
  })
  return trx
}

import type { ControlledTransaction } from 'kysely'
import { onTestFinished } from 'vitest'

import type { Db } from '../../../src/database/connection/client.ts'
import type { Tables } from '../../../src/database/connection/tables.ts'

/** A transaction in the test's hands; one that it has not ended by its own end is rolled back, so that nobody waits for it. */
export async function begin(db: Db): Promise<ControlledTransaction<Tables>> {
  const trx = await db.startTransaction().execute()
  onTestFinished(async () => {
    if (!trx.isCommitted && !trx.isRolledBack) await trx.rollback().execute()
  })
  return trx
}

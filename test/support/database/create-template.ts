import { pino } from 'pino'

import { openDatabase } from '../../../src/database/connection/client.ts'
import { migrate } from '../../../src/database/schema/migrate-schema.ts'
import { freshDatabase, type FreshDatabase } from './fresh-database.ts'
import { migrateJobs } from '../../../src/database/work/job-queue.ts'

/** A database with the service's tables, as a template for copies. No client may be connected to it meanwhile. */
export async function createTemplate(adminUrl: string): Promise<FreshDatabase> {
  const database = await freshDatabase(adminUrl)
  const connection = { connectionString: database.url }
  const { db } = openDatabase(connection, pino({ level: 'silent' }))
  try {
    await migrate(db)
    await migrateJobs(connection)
  } finally {
    await db.destroy()
  }
  return database
}

import { pino } from 'pino'

import { type Db, openDatabase } from '../../../src/database/connection/client.ts'
import { freshMigratedDatabase } from './fresh-database.ts'

/** A new database with our tables, as their owner. It is dropped with its scene. */
export async function migratedDatabase(closing: AsyncDisposableStack): Promise<Db> {
  const database = await freshMigratedDatabase()
  closing.defer(() => database.drop())
  const { db } = openDatabase({ connectionString: database.url }, pino({ level: 'silent' }))
  closing.defer(() => db.destroy())
  return db
}

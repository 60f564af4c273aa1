import { onTestFinished } from 'vitest'

import { freshDatabase, type FreshDatabase, freshMigratedDatabase } from '../database/fresh-database.ts'
import type { Settings } from './run-command.ts'

/** Settings of a database with the service's tables. It is dropped when the test ends. */
export async function databaseForTest(): Promise<Settings> {
  return settingsOf(await freshMigratedDatabase())
}

/** The same without tables: for a first start, and for a restore. */
export async function emptyDatabaseForTest(): Promise<Settings> {
  return settingsOf(await freshDatabase())
}

function settingsOf(database: FreshDatabase): Settings {
  onTestFinished(() => database.drop())
  return databaseSettings(database.url)
}

export function databaseSettings(url: string): Settings {
  return { DATABASE_URL: url, JWT_SECRET_KEY: 'a secret for tests that nobody else has' }
}

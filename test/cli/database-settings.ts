import { onTestFinished } from 'vitest'

import { freshDatabase } from '../support/fresh-database.ts'
import type { Settings } from './run-command.ts'

/** Settings of an empty database that goes when the test ends. */
export async function databaseForTest(): Promise<Settings> {
  const database = await freshDatabase()
  onTestFinished(() => database.drop())
  return databaseSettings(database.url)
}

export function databaseSettings(url: string): Settings {
  return { DATABASE_URL: url, JWT_SECRET_KEY: 'a secret for tests that nobody else has' }
}

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { Client } from 'pg'

import { testServices } from '../services/packages/test-services.ts'
import { freshDatabaseOfTwoRoles } from '../database/two-roles.ts'

export type PlatformDatabase = {
  /** `DATABASE_URL` and `DATABASE_OWNER_URL` as the service beside the platform is given them. */
  settings: { DATABASE_URL: string; DATABASE_OWNER_URL: string }
  /** The platform's own connection, with its own role, which made the tables and owns them. */
  platform: Client
  /** The server's, for who makes roles. */
  adminUrl: string
  remove(): Promise<void>
}

/** A database as the platform has it, empty, before the service came; and a role for the service, which owns nothing. */
export async function freshPlatformDatabase(adminUrl?: string): Promise<PlatformDatabase> {
  const database = await freshDatabaseOfTwoRoles(adminUrl)
  const platform = new Client({ connectionString: database.settings.DATABASE_OWNER_URL })
  await platform.connect()
  await platform.query(await readFile(join(import.meta.dirname, 'schema.sql'), 'utf8'))
  return {
    settings: database.settings,
    platform,
    adminUrl: adminUrl ?? testServices().postgres.adminUrl,
    async remove() {
      await platform.end()
      await database.remove()
    },
  }
}

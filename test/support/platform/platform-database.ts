import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { Client } from 'pg'

import { testServices } from '../services/packages/test-services.ts'
import { freshDatabaseOfTwoRoles } from '../database/two-roles.ts'

export type PlatformDatabase = {
  /** `DATABASE_URL` and `DATABASE_OWNER_URL` of the service next to the platform. */
  settings: { DATABASE_URL: string; DATABASE_OWNER_URL: string }
  /** The platform's own connection, as the role that created and owns the tables. */
  platform: Client
  /** The server's superuser, who can create roles. */
  adminUrl: string
  remove(): Promise<void>
}

/**
 * An empty database of the platform before the installation of the service, and a role for the service that owns
 * nothing.
 */
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

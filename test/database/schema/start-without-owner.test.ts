import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { uploadDocument } from '../../support/documents/call-documents.ts'
import { firmWithAdmin } from '../../support/service/firm-with-admin.ts'
import { startService, type TestService } from '../../support/service/start-service.ts'
import { freshDatabaseOfTwoRoles, type TwoRoles } from '../../support/database/two-roles.ts'

let roles: TwoRoles
const started: TestService[] = []

async function start(settings: Record<string, string>): Promise<TestService> {
  const service = await startService(settings)
  started.push(service)
  return service
}

beforeAll(async () => {
  roles = await freshDatabaseOfTwoRoles()
})

afterAll(async () => {
  for (const service of started) await service.stop()
  await roles.remove()
})

test('only the owner can create the tables', async () => {
  const { DATABASE_URL } = roles.settings

  await expect(start({ DATABASE_URL })).rejects.toThrow('the database could not be migrated')
})

test('after the owner’s migration, a service without the owner’s credentials starts and accepts documents', async () => {
  const { DATABASE_URL } = roles.settings
  const owner = await start(roles.settings)
  const service = await start({ DATABASE_URL })

  expect(owner.app.migrated.length).toBeGreaterThan(0)
  expect(service.app.migrated).toEqual([])
  const { firm, admin } = await firmWithAdmin(service)
  await expect(uploadDocument(service.url, firm, admin)).resolves.toMatchObject({ version: 1 })
})

test('an instance of an earlier version starts on tables of a later one, so a deployment can be rolled back', async () => {
  const { DATABASE_URL, DATABASE_OWNER_URL } = roles.settings
  const later = await start({ DATABASE_URL: DATABASE_OWNER_URL })
  await sql`insert into document_migrations (name, timestamp) values ('9999-later', '9999-01-01T00:00:00Z')`.execute(
    later.app.db,
  )

  await expect(start({ DATABASE_URL })).resolves.toMatchObject({ app: { migrated: [] } })
  await expect(start(roles.settings)).resolves.toMatchObject({ app: { migrated: [] } })
})

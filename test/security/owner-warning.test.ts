import { Client } from 'pg'
import { expect, it, onTestFinished } from 'vitest'

import { freshDatabase } from '../support/database/fresh-database.ts'
import { testServices } from '../support/services/packages/test-services.ts'
import { startService } from '../support/service/start-service.ts'
import { freshDatabaseOfTwoRoles } from '../support/database/two-roles.ts'

async function warningsOfStart(settings: Record<string, string>): Promise<string[]> {
  const service = await startService(settings)
  const events = service.logLines.map((line) => (JSON.parse(line) as { event?: string }).event)
  await service.stop()
  return events.filter((event) => event === 'service_may_own_trail').map(String)
}

async function twoRoles() {
  const roles = await freshDatabaseOfTwoRoles()
  onTestFinished(() => roles.remove())
  return roles.settings
}

it('the start warns if the service’s own role owns the audit trail, whatever DATABASE_OWNER_URL is', async () => {
  const database = await freshDatabase()
  onTestFinished(() => database.drop())
  const { DATABASE_OWNER_URL: owner } = await twoRoles()

  expect(await warningsOfStart({ DATABASE_URL: owner })).toHaveLength(1)
  expect(await warningsOfStart({ DATABASE_URL: owner, DATABASE_OWNER_URL: owner })).toHaveLength(1)
  // A superuser may act as any role.
  expect(await warningsOfStart({ DATABASE_URL: database.url })).toHaveLength(1)
})

it('the start warns if the service’s role is a member of the owner', async () => {
  const settings = await twoRoles()
  expect(await warningsOfStart(settings)).toEqual([])

  await asAdmin(`grant ${roleIn(settings.DATABASE_OWNER_URL)} to ${roleIn(settings.DATABASE_URL)}`)
  expect(await warningsOfStart(settings)).toHaveLength(1)
})

it('the start does not warn if the embedded database has separate roles', async () => {
  expect(await warningsOfStart({ DATABASE_URL: 'embedded' })).toEqual([])
})

function roleIn(url: string): string {
  return new URL(url).username
}

async function asAdmin(statement: string): Promise<void> {
  const client = new Client({ connectionString: testServices().postgres.adminUrl })
  await client.connect()
  await client.query(statement)
  await client.end()
}

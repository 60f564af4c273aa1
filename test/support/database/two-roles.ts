import { randomBytes } from 'node:crypto'

import { Client } from 'pg'

import { freshDatabase } from './fresh-database.ts'
import { testServices } from '../services/packages/test-services.ts'

export type TwoRoles = {
  /** `DATABASE_URL` and `DATABASE_OWNER_URL`, as an operator would set them. */
  settings: { DATABASE_URL: string; DATABASE_OWNER_URL: string }
  remove(): Promise<void>
}

/** A new database with one role as its owner, and another role that owns nothing for the service. */
export async function freshDatabaseOfTwoRoles(adminUrl: string = testServices().postgres.adminUrl): Promise<TwoRoles> {
  const database = await freshDatabase(adminUrl)
  const suffix = randomBytes(6).toString('hex')
  const [owner, service] = [`test_owner_${suffix}`, `test_service_${suffix}`]
  const password = randomBytes(12).toString('hex')
  await asAdmin(adminUrl, [
    ...[owner, service].map((role) => `create role ${role} login nosuperuser password '${password}'`),
    `alter database ${database.name} owner to ${owner}`,
  ])
  await asAdmin(database.url, [`alter schema public owner to ${owner}`])

  const urlOf = (role: string) => Object.assign(new URL(database.url), { username: role, password }).href
  return {
    settings: { DATABASE_URL: urlOf(service), DATABASE_OWNER_URL: urlOf(owner) },
    async remove() {
      await database.drop()
      await asAdmin(adminUrl, [`drop role ${owner}`, `drop role ${service}`])
    },
  }
}

async function asAdmin(url: string, statements: string[]): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}

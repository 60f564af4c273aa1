import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { startOpenIdProvider, type TestProvider } from '../support/people/openid-provider.ts'
import { makePerson } from '../support/people/people.ts'
import { postJson } from '../support/http/post-json.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { freshDatabaseOfTwoRoles, type TwoRoles } from '../support/database/two-roles.ts'
import { signPlatformToken } from '../support/platform/write-people.ts'
import { testServices } from '../support/services/packages/test-services.ts'
import { waitUntilWaiting } from '../support/database/wait-for-lock.ts'
import { ensureStoredSecret } from '../../src/database/schema/installation.ts'

let provider: TestProvider
let roles: TwoRoles
let services: TestService[]
let one: TestService
let other: TestService
/** As the tables' owner. */
let owner: Client
beforeAll(async () => {
  provider = await startOpenIdProvider()
  roles = await freshDatabaseOfTwoRoles()
  owner = new Client({ connectionString: roles.settings.DATABASE_OWNER_URL })
  await owner.connect()
  // Default privileges like those of a platform whose reports may read every new table.
  await owner.query('alter default privileges grant select on tables to public')
  const settings = { ...roles.settings, ...provider.settings, JWT_SECRET_KEY: '', PASSWORD_LOGIN: 'on' }
  services = await Promise.all(Array.from({ length: 4 }, () => startService(settings)))
  ;[one, other] = services as [TestService, TestService] // four were started
})
afterAll(async () => {
  for (const service of services) await service.stop()
  await owner.end()
  await roles.remove()
  await provider.stop()
})

describe('without a secret shared with the platform', () => {
  it('one of several instances that start at once creates the key, and all use it', async () => {
    const { rows } = await owner.query<{ name: string; secret: string }>('select name, secret from document_secrets')
    expect(rows).toEqual([{ name: 'signing', secret: expect.stringMatching(/^[0-9a-f]{64}$/) }])
    expect(new Set(services.map(({ app }) => Buffer.from(app.keys.localLinks).toString('hex'))).size).toBe(1)
  })

  it('a process that creates a key at the same time as another uses that one', async () => {
    await owner.query('begin')
    await owner.query("insert into document_secrets (name, secret) values ('another', 'of the first')")
    const made = services.map(({ app }) => ensureStoredSecret(app.db, 'another'))
    await waitUntilWaiting(one.app.db, made.length)
    await owner.query('commit')

    expect(new Set(await Promise.all(made))).toEqual(new Set(['of the first']))
  })

  it('a session and its cursors work at another instance', async () => {
    const email = 'naledi@bluecrane.example'
    const password = 'correct horse battery'
    const person = { email, password, first_name: 'Naledi', last_name: 'Khumalo' }
    await postJson(`${one.url}/api/v1/auth/register`, person)
    const tokens = await postJson(`${one.url}/api/v1/auth/login`, { email, password })

    const headers = { authorization: `Bearer ${String(tokens['access_token'])}` }
    expect((await fetch(`${other.url}/api/v1/auth/me`, { headers })).status).toBe(200)
    const renewed = await postJson(`${other.url}/api/v1/auth/refresh`, { refresh_token: tokens['refresh_token'] })
    expect(renewed).toMatchObject({ token_type: 'bearer' })

    const administrator = await makePerson(one.app, { role: 'admin' })
    await firmWithAdmin(one)
    await firmWithAdmin(one)
    const first = await fetch(`${one.url}/api/v1/security-firms?limit=1`, { headers: administrator.headers })
    const next = /<([^>]+)>/.exec(first.headers.get('link') ?? '')?.[1] ?? ''
    expect(next).toContain('cursor=')
    const second = await fetch(new URL(new URL(next, one.url).search, `${other.url}/api/v1/security-firms`), {
      headers: administrator.headers,
    })
    expect([first.status, second.status]).toEqual([200, 200])
  })

  it('a token of the platform is rejected', async () => {
    const person = await makePerson(one.app)
    const token = await signPlatformToken(person, 'a secret for tests that nobody else has')
    const answer = await fetch(`${one.url}/api/v1/auth/me`, { headers: { authorization: `Bearer ${token}` } })
    expect(answer.status).toBe(401)
  })

  it('only the service and the owner of its tables can read the key, despite default privileges', async () => {
    const service = new URL(roles.settings.DATABASE_URL).username
    expect(await readAs('pg_signal_backend', 'document_identities')).toBe('read')
    expect(await readAs('pg_signal_backend', 'document_secrets')).toMatch(/permission denied/)
    expect(await readAs(service, 'document_secrets')).toBe('read')
  })

  it('no line of the log contains the key', async () => {
    const { rows } = await owner.query<{ secret: string }>('select secret from document_secrets')
    const lines = services.flatMap(({ logLines }) => logLines).join('')
    expect(rows.filter(({ secret }) => lines.includes(secret))).toEqual([])
  })
})

/** The result when this role reads the table. */
async function readAs(role: string, table: string): Promise<string> {
  const client = new Client({ connectionString: adminUrlOf(one) })
  await client.connect()
  try {
    await client.query(`set role ${role}`)
    await client.query(`select * from ${table}`)
    return 'read'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    await client.end()
  }
}

/** The same database, as the server's superuser. */
function adminUrlOf(service: TestService): string {
  const { database } = service.app.config
  if (database.kind !== 'external') throw new Error('this test needs a server of its own')
  const url = new URL(testServices().postgres.adminUrl)
  url.pathname = new URL(database.url).pathname
  return url.href
}

import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import { callDocuments, problemOf, uploadDocument, uploadFile } from '../../../support/documents/call-documents.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { freshMigratedDatabase } from '../../../support/database/fresh-database.ts'
import { makeMember, makePerson, type Person } from '../../../support/people/people.ts'
import { sceneOfFile } from '../../../support/service/scene-of-file.ts'
import { logOf } from '../../../support/logs/log-of.ts'
import { startService, type TestService } from '../../../support/service/start-service.ts'
import { describeCheck } from '../../describe-check.ts'
import { openRaw, uploadHead } from '../../../support/http/raw-connection.ts'

const limits = {
  UPLOADS_PER_PERSON: '20',
  UPLOADS_PER_ADDRESS: '200',
  DOWNLOADS_PER_PERSON: '20',
  DOWNLOADS_PER_ADDRESS: '60',
  LOGINS_PER_PERSON: '5',
  LOGINS_PER_ADDRESS: '20',
  EVENTS_PER_PERSON: '20',
  EVENTS_PER_ADDRESS: '200',
  TRUST_PROXY: '1',
}
const credit = 1 // a twentieth of the limit passes before an instance leases

const scene = sceneOfFile(async (closing) => {
  const database = await freshMigratedDatabase()
  closing.defer(() => database.drop())
  const open = async () => {
    const service = await startService({ ...limits, DATABASE_URL: database.url })
    closing.defer(() => service.stop())
    return service
  }
  return { first: await open(), second: await open() }
})

let network = 0
/** A different address for each test, in a proxy's header. */
const newAddress = () => `203.0.${Math.floor((network += 1) / 250)}.${(network % 250) + 1}`
const from = (person: Person, address: string): Person => ({
  ...person,
  headers: Object.assign({}, person.headers, { 'x-forwarded-for': address }),
})

/** Makes this number of calls, alternating between the two instances; returns their results. */
async function inTurn(times: number, call: (service: TestService) => Promise<Response>): Promise<number[]> {
  const statuses: number[] = []
  for (let index = 0; index < times; index += 1) {
    const answer = await call(index % 2 === 0 ? scene.first : scene.second)
    await answer.arrayBuffer()
    statuses.push(answer.status)
  }
  return statuses
}

/** The log lines of both instances about rejected requests from an address. */
const loggedOf = (address: string) =>
  logOf(scene.first, scene.second).filter(({ event, ip }) => event === 'rate_limited' && ip === address)

const countOf = (statuses: number[], wanted: number) => statuses.filter((status) => status === wanted).length
async function expectRefusal(answer: Response, words: string): Promise<void> {
  const problem = await problemOf(answer)
  expect([answer.status, problem.code]).toEqual([429, 'rate_limited'])
  expect(problem.detail).toContain(words)
  const seconds = Number(answer.headers.get('retry-after'))
  expect(seconds).toBeGreaterThan(0)
  expect(seconds).toBeLessThanOrEqual(3600)
}

function logIn({ url }: TestService, email: string, address: string): Promise<Response> {
  return fetch(`${url}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': address },
    body: JSON.stringify({ email, password: 'a wrong guess' }),
  })
}

const eventsOf = async ({ id }: Person) => {
  const { rows } = await sql`select from document_events where actor_id = ${id}::uuid`.execute(scene.first.app.db)
  return rows.length
}

describeCheck(20, () => {
  describe('uploads of one person', () => {
    it('are 429 over both instances beyond the limit, with Retry-After, and nothing is stored', async () => {
      const { firm, admin } = await firmWithAdmin(scene.first)
      const person = from(admin, newAddress())
      const statuses = await inTurn(28, ({ url }) => uploadFile(url, firm, person))

      const taken = countOf(statuses, 201)
      expect(taken).toBeGreaterThanOrEqual(20 - 1)
      // And one call that becomes available while the test runs.
      expect(taken).toBeLessThanOrEqual(20 + 2 * credit + 1)
      expect(countOf(statuses, 429)).toBe(28 - taken)
      await expectRefusal(
        await uploadFile(scene.second.url, firm, person),
        'uploads by one person: the limit is 20 an hour',
      )
      const { documents } = await scene.first.app.db
        .selectFrom('documents')
        .select(({ fn }) => fn.countAll<string>().as('documents'))
        .where('firm_id', '=', firm)
        .executeTakeFirstOrThrow()
      expect(Number(documents)).toBe(taken)
    })

    it('do not count for a colleague at the same address', async () => {
      const { firm, admin } = await firmWithAdmin(scene.first)
      const address = newAddress()
      await inTurn(24, ({ url }) => uploadFile(url, firm, from(admin, address)))
      const colleague = from(await makeMember(scene.first.app, firm, 'firm_user'), address)

      expect((await uploadFile(scene.first.url, firm, colleague)).status).toBe(201)
    })

    it('a client that is rejected while it still sends gets the reason', async () => {
      const { firm, admin } = await firmWithAdmin(scene.first)
      const person = from(admin, newAddress())
      await inTurn(26, ({ url }) => uploadFile(url, firm, person))
      const connection = await openRaw(scene.first.url)
      const { authorization } = admin.headers
      const forwarded = `X-Forwarded-For: ${newAddress()}`
      await connection.send(uploadHead(firm, authorization, forwarded, `Content-Length: ${900 * 1024}`))
      for (let sent = 0; sent < 18; sent += 1) await connection.send(Buffer.alloc(50 * 1024, 'x'))
      const { status, body } = await connection.answer

      expect(status).toBe(429)
      expect(JSON.parse(body)).toMatchObject({ code: 'rate_limited' })
    })
  })

  describe('downloads', () => {
    it('of one person, links and files together, are 429 over both instances beyond the limit', async () => {
      const { firm, admin } = await firmWithAdmin(scene.first)
      const person = from(admin, newAddress())
      const { id } = await uploadDocument(scene.first.url, firm, person)
      let index = 0
      const kinds = [
        { path: `/${id}/download`, headers: {} },
        { path: `/${id}/download`, headers: { accept: 'application/json' } },
        { path: `/${id}/versions/1/download`, headers: {} },
      ]
      const statuses = await inTurn(28, async ({ url }) => {
        const { path, headers } = kinds[(index += 1) % kinds.length] ?? { path: '', headers: {} }
        return callDocuments(url, firm, person, path, { headers })
      })

      // The second has another disk. Its answer is 503, which counts as well.
      const passed = 28 - countOf(statuses, 429)
      expect(passed).toBeGreaterThanOrEqual(20 - 1)
      expect(passed).toBeLessThanOrEqual(20 + 2 * credit + 1)
      await expectRefusal(
        await callDocuments(scene.first.url, firm, person, `/${id}/download`),
        'downloads by one person',
      )
      // Other calls are not limited as downloads.
      expect((await callDocuments(scene.first.url, firm, person, `/${id}`)).status).toBe(200)
    })

    it('by an issued link count only for the address', async () => {
      const { firm, admin } = await firmWithAdmin(scene.first)
      const address = newAddress()
      const { id } = await uploadDocument(scene.first.url, firm, from(admin, address))
      const link = await callDocuments(scene.first.url, firm, from(admin, newAddress()), `/${id}/download`, {
        headers: { accept: 'application/json' },
      })
      const { url: path } = (await link.json()) as { url: string }
      const fetchLink = (at: string) => fetch(new URL(path, scene.first.url), { headers: { 'x-forwarded-for': at } })

      const statuses: number[] = []
      for (let count = 0; count < 70; count += 1) statuses.push((await fetchLink(address)).status)

      expect(countOf(statuses, 200)).toBeGreaterThanOrEqual(60)
      expect(countOf(statuses, 200)).toBeLessThanOrEqual(60 + 3 + 2)
      await expectRefusal(await fetchLink(address), 'downloads from one network: the limit is 60 an hour')
      expect((await fetchLink(newAddress())).status).toBe(200)
    })
  })

  describe('logins', () => {
    it('from one address for different accounts are 429 over both instances beyond the limit', async () => {
      const address = newAddress()
      const statuses = await inTurn(26, (service) => logIn(service, `${randomUUID()}@people.example`, address))

      expect(countOf(statuses, 401)).toBeGreaterThanOrEqual(20 - 1)
      expect(countOf(statuses, 401)).toBeLessThanOrEqual(20 + 2 * credit + 1)
      await expectRefusal(
        await logIn(scene.first, 'a@people.example', address),
        'logins from one network: the limit is 20 an hour',
      )
      expect((await logIn(scene.first, 'b@people.example', newAddress())).status).toBe(401)
    })

    it('of one account from changing addresses are 429 too, in any case of the e-mail', async () => {
      const name = randomUUID()
      let count = 0
      const statuses = await inTurn(9, (service) => {
        const email = `${(count += 1) % 3 === 0 ? name.toUpperCase() : name}@people.example`
        return logIn(service, email, newAddress())
      })

      expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429, 429, 429])
      await expectRefusal(await logIn(scene.second, `${name}@people.example`, newAddress()), 'logins by one person')
    })

    it('of e-mails that differ in a letter of another alphabet do not count together: they are two mailboxes', async () => {
      const name = randomUUID()
      const statuses: number[] = []
      for (let count = 0; count < 6; count += 1) {
        const email = `${count % 2 === 0 ? '\u0130' : 'i'}${name}@people.example`
        statuses.push((await logIn(scene.first, email, newAddress())).status)
      }

      expect(statuses).toEqual([401, 401, 401, 401, 401, 401])
    })

    it('a /64 of IPv6 is one address, and the next /64 another', async () => {
      let host = 0
      const statuses = await inTurn(26, (service) =>
        logIn(
          service,
          `${randomUUID()}@people.example`,
          `2001:db8:1:2::${((host += 1) * 4099).toString(16).slice(0, 4)}`,
        ),
      )

      expect(countOf(statuses, 401)).toBeLessThanOrEqual(20 + 2 * credit + 1)
      expect(countOf(statuses, 429)).toBeGreaterThan(0)
      expect((await logIn(scene.first, `${randomUUID()}@people.example`, '2001:db8:1:3::1')).status).toBe(401)
    })
  })

  describe('audited calls', () => {
    it('denied calls of one person are 429 over both instances beyond the limit, and are then not audited', async () => {
      const { firm } = await firmWithAdmin(scene.first)
      const address = newAddress()
      const stranger = from(await makePerson(scene.first.app), address)
      const statuses = await inTurn(32, ({ url }) => callDocuments(url, firm, stranger))

      const refused = countOf(statuses, 403)
      expect(refused).toBeGreaterThanOrEqual(20 - 1)
      // By the last call of each instance it learns that none is left.
      expect(refused).toBeLessThanOrEqual(20 + 2 * credit + 2 + 1)
      expect(countOf(statuses, 429)).toBe(32 - refused)
      expect(await eventsOf(stranger)).toBe(refused)
      await expectRefusal(
        await callDocuments(scene.first.url, firm, stranger),
        'audited calls by one person: the limit is 20 an hour',
      )
      expect(loggedOf(address)).toMatchObject(Array.from({ length: 2 }, () => ({ kind: 'events', of: 'person' })))
    })

    it('reads of a document and lists of a firm count, and only the reads leave an event', async () => {
      const { firm, admin } = await firmWithAdmin(scene.first)
      const person = from(admin, newAddress())
      const lister = from(await makeMember(scene.first.app, firm), newAddress())
      const { id } = await uploadDocument(scene.first.url, firm, person)
      const before = await eventsOf(person)
      const lists = await inTurn(32, ({ url }) => callDocuments(url, firm, lister))
      let index = 0
      const looks = await inTurn(32, ({ url }) =>
        callDocuments(url, firm, person, `/${id}${['', '/events', '/versions', '/disposal'][(index += 1) % 4] ?? ''}`),
      )

      for (const statuses of [lists, looks]) {
        expect(countOf(statuses, 200)).toBeLessThanOrEqual(20 + 2 * credit + 1)
        expect(countOf(statuses, 429)).toBe(32 - countOf(statuses, 200))
      }
      expect((await eventsOf(person)) - before).toBe(countOf(looks, 200))
      expect(await eventsOf(lister)).toBe(0)
    })
  })

  it('probes are never limited, and no row is written for each request', async () => {
    const address = newAddress()
    const ask = (path: string) => fetch(`${scene.first.url}${path}`, { headers: { 'x-forwarded-for': address } })
    for (const path of ['/healthz', '/readyz', '/metrics'])
      for (let count = 0; count < 25; count += 1) expect((await ask(path)).status).not.toBe(429)
    const { db } = scene.first.app
    const { rows } = await sql`select from document_rates where bucket like ${`%${address}`}`.execute(db)
    expect(rows).toEqual([])
  })

  it('a rejected caller is counted, and logged once without input', async () => {
    const address = newAddress()
    await inTurn(30, (service) => logIn(service, `${randomUUID()}@people.example`, address))
    const { registry } = scene.first.app.metrics
    const counted = await registry.getSingleMetricAsString('paniq_documents_rate_limited_requests_total')

    const logged = { level: 'warn', kind: 'logins', of: 'address', per_hour: 20 }
    expect(loggedOf(address)).toMatchObject([logged, logged])
    expect(JSON.stringify(loggedOf(address))).not.toContain('people.example')
    expect(counted).toMatch(/rate_limited_requests_total\{kind="logins",of="address"\} [1-9]/)
  })
})

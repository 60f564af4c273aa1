import { sql } from 'kysely'
import { Client } from 'pg'
import { expect, it } from 'vitest'

import { callDocuments, uploadDocument } from '../../support/documents/call-documents.ts'
import { freshMigratedDatabase } from '../../support/database/fresh-database.ts'
import { makeMember, type Person } from '../../support/people/people.ts'
import { firmWithAdmin } from '../../support/service/firm-with-admin.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import { startService } from '../../support/service/start-service.ts'
import { type Answer, call, logIn, makePersonWithPassword } from '../../people/call-people.ts'

/** Of the pool's 20 connections. */
const ofPerson = 5
const ofNetwork = 10

const scene = sceneOfFile(async (closing) => {
  const database = await freshMigratedDatabase()
  closing.defer(() => database.drop())
  const service = await startService({ DATABASE_URL: database.url, TRUST_PROXY: '1' })
  closing.defer(() => service.stop())
  const beside = new Client({ connectionString: database.url })
  await beside.connect()
  closing.defer(() => beside.end())
  return { service, beside }
})

/** Sends requests for a row that another connection locks, and returns what `meanwhile` found while they waited. */
async function whileLocked<Found>(
  lock: string,
  attack: { send: () => Promise<Answer>; times: number; connections: number },
  meanwhile: () => Promise<Found>,
): Promise<{ found: Found; connections: number; answers: Answer[] }> {
  const { service, beside } = scene
  await beside.query(`begin; ${lock}`)
  try {
    const sent = Array.from({ length: attack.times }, () => attack.send())
    await expect.poll(async () => inProgress()).toBeGreaterThanOrEqual(attack.times)
    await expect.poll(countWaiting).toBeGreaterThanOrEqual(attack.connections)
    const found = await meanwhile()
    const connections = service.app.countConnections().inUse
    await beside.query('rollback')
    return { found, connections, answers: await Promise.all(sent) }
  } finally {
    await beside.query('rollback')
  }
}

/** Within a transaction PostgreSQL shows the activity as it was at the first look, unless that is cleared. */
async function countWaiting(): Promise<number | null> {
  const { beside } = scene
  await beside.query('select pg_stat_clear_snapshot()')
  const { rowCount } = await beside.query(
    "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  )
  return rowCount
}

async function inProgress(): Promise<number> {
  const { values } = await scene.service.app.metrics.requestsInProgress.get()
  return values[0]?.value ?? 0
}

const removeBy =
  (person: Person, firm: string, id: string, from = '203.0.113.7') =>
  () =>
    call(scene.service.url, `DELETE /security-firms/${firm}/documents/${id}`, {
      headers: { ...person.headers, 'x-forwarded-for': from },
    })

const lockOf = (id: string) => `select from firm_documents where id = '${id}' for update`

it('60 changes of one locked row by one person use five connections, and others are answered', async () => {
  const { service } = scene
  const { firm, admin } = await firmWithAdmin(service)
  const { id } = await uploadDocument(service.url, firm, admin)
  const other = await firmWithAdmin(service)

  const { found, connections, answers } = await whileLocked(
    lockOf(id),
    { send: removeBy(admin, firm, id), times: 60, connections: ofPerson },
    () => callDocuments(service.url, other.firm, other.admin, ''),
  )

  expect([found.status, connections]).toEqual([200, ofPerson])
  expect(answers.filter(({ status }) => status === 204).length).toBeGreaterThan(0)
  expect(answers.filter(({ status }) => status >= 500)).toEqual([])
})

it('several people of one network use ten connections', async () => {
  const { service } = scene
  const { firm, admin } = await firmWithAdmin(service)
  const { id } = await uploadDocument(service.url, firm, admin)
  const people = await Promise.all(Array.from({ length: 4 }, () => makeMember(service.app, firm)))
  let index = 0

  const { found, connections } = await whileLocked(
    lockOf(id),
    { send: () => removeBy(people[(index += 1) % 4] ?? admin, firm, id)(), times: 60, connections: ofNetwork },
    () => call(service.url, `GET /security-firms/${firm}/documents`, { headers: admin.headers }),
  )

  expect([found.status, connections]).toEqual([200, ofNetwork])
})

it('60 refreshes of one session use five connections, and a person of the same network is answered', async () => {
  const { service } = scene
  const person = await makePersonWithPassword(service.app)
  const { refresh_token } = await logIn(service.url, person)
  const { firm, admin } = await firmWithAdmin(service)
  const send = () => call(service.url, 'POST /auth/refresh', { body: { refresh_token } })

  const { found, connections, answers } = await whileLocked(
    `select from registered_users where id = '${person.id}' for update`,
    { send, times: 60, connections: ofPerson },
    () => callDocuments(service.url, firm, admin, ''),
  )

  expect([found.status, connections]).toEqual([200, ofPerson])
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
})

it('a job takes a connection while people use their shares', async () => {
  const { service } = scene
  const { firm, admin } = await firmWithAdmin(service)
  const { id } = await uploadDocument(service.url, firm, admin)

  const { found } = await whileLocked(
    lockOf(id),
    { send: removeBy(admin, firm, id), times: 20, connections: ofPerson },
    () => sql<{ one: number }>`select 1 as one`.execute(service.app.db),
  )

  expect(found.rows).toEqual([{ one: 1 }])
})

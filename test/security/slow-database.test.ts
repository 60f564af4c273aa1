import { Client } from 'pg'
import { expect, it } from 'vitest'

import { uploadFile } from '../support/documents/call-documents.ts'
import { freshMigratedDatabase } from '../support/database/fresh-database.ts'
import { startFaultProxy } from '../support/service/fault-proxy.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { logOf } from '../support/logs/log-of.ts'
import { startService } from '../support/service/start-service.ts'
import { call } from '../people/call-people.ts'

const perHour = 40
const credit = 2 // a twentieth passes before an instance leases

const scene = sceneOfFile(async (closing) => {
  const database = await freshMigratedDatabase()
  closing.defer(() => database.drop())
  const limits = { INVITATIONS_PER_PERSON: `${perHour}`, UPLOADS_PER_PERSON: `${perHour}` }
  const address = new URL(database.url)
  const toDatabase = await startFaultProxy({ host: address.hostname, port: Number(address.port) })
  closing.defer(() => toDatabase.close())
  address.host = `127.0.0.1:${toDatabase.port}`
  const service = await startService({ DATABASE_URL: address.href, ...limits })
  closing.defer(() => service.stop())
  const beside = new Client({ connectionString: database.url })
  await beside.connect()
  closing.defer(() => beside.end())
  return { service, beside, toDatabase }
})

async function repeat<Answer>(times: number, send: (index: number) => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = []
  for (let index = 0; index < times; index += 1) answers.push(await send(index))
  return answers
}

const passed = (answers: { status: number }[]) => answers.filter(({ status }) => status === 202).length

it('while the database is too slow to count, no more calls pass than the limit, and none on top of it later', async () => {
  const { service, beside } = scene
  const { firm, admin } = await firmWithAdmin(service)
  const invite = (index: number) =>
    call(service.url, `POST /security-firms/${firm}/members`, {
      headers: admin.headers,
      body: { email: `${index}@nobody.example`, role: 'firm_user' },
    })

  await beside.query('begin; lock table document_rates in access exclusive mode')
  const slow = await repeat(3 * perHour, invite)
  await beside.query('rollback')
  const later = await repeat(perHour, (index) => invite(3 * perHour + index))

  expect(logOf(service).some(({ event }) => event === 'rates_not_held')).toBe(true)
  expect(slow.filter(({ status }) => status !== 202 && status !== 429)).toEqual([])
  expect(passed(slow)).toBeLessThanOrEqual(perHour + credit)
  expect(passed(slow)).toBeGreaterThanOrEqual(perHour)
  expect(passed(slow) + passed(later)).toBeLessThanOrEqual(perHour + 2 * credit)
})

it('uploads that fail because the database does not answer are not counted, and succeed afterwards', async () => {
  const { service, toDatabase } = scene
  const { firm, admin } = await firmWithAdmin(service)
  const send = async () => (await uploadFile(service.url, firm, admin)).status
  expect(await send()).toBe(201)

  toDatabase.setFault({ kind: 'refuse' })
  await toDatabase.cutAll()
  const failed = await repeat(2 * perHour, send)
  toDatabase.setFault({ kind: 'none' })
  await expect.poll(send).toBe(201)
  const later = await repeat(perHour / 2, send)

  expect(failed.filter((status) => status !== 503)).toEqual([])
  expect(later.filter((status) => status !== 201)).toEqual([])
})

import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { startService, type TestService } from '../../support/service/start-service.ts'
import { call, makePersonWithPassword, password } from '../call-people.ts'

/** bcrypt slow enough that guesses wait for each other. */
const cost = 9
const guesses = 60

let service: TestService
beforeAll(async () => {
  service = await startService({ TRUST_PROXY: '1' }, { passwords: { cost } })
})
afterAll(async () => service.stop())

function logInFrom(address: string, email: string, guess: string) {
  const headers = { 'x-forwarded-for': address }
  return call(service.url, 'POST /auth/login', { body: { email, password: guess }, headers })
}

/** Guesses from one network, for accounts that do not exist. */
function attackFrom(network: string) {
  const answered: number[] = []
  const all = Array.from({ length: guesses }, async (_, index) => {
    const { status, headers } = await logInFrom(`${network}.${index}`, `${randomUUID()}@people.example`, 'wrong guess')
    answered.push(status)
    return status === 429 ? headers.get('retry-after') : '5'
  })
  const compared = () => answered.filter((status) => status === 401).length
  return { compared, end: async () => new Set(await Promise.all(all)) }
}

it('a right login from another network is answered while most wrong ones still wait', async () => {
  const person = await makePersonWithPassword(service.app)
  const attack = attackFrom('192.0.2')
  const answer = await logInFrom('198.51.100.7', person.email, password)
  const before = attack.compared()
  expect(await attack.end()).toEqual(new Set(['5']))
  expect(answer.status).toBe(200)
  expect(attack.compared()).toBeGreaterThanOrEqual(20)
  expect(attack.compared()).toBeLessThan(guesses)
  expect(before).toBeLessThan(attack.compared() / 2)
})

it('a person who logged in from the attacked network lately is answered first, and a new one there is asked to wait', async () => {
  const [known, unknown] = [await makePersonWithPassword(service.app), await makePersonWithPassword(service.app)]
  expect((await logInFrom('192.0.2.77', known.email, password)).status).toBe(200)
  const attack = attackFrom('192.0.2')
  const late = logInFrom('192.0.2.78', unknown.email, password)
  const answer = await logInFrom('192.0.2.79', known.email, password)
  const before = attack.compared()
  await attack.end()
  expect(answer.status).toBe(200)
  expect(before).toBeLessThan(attack.compared() / 2)
  expect((await late).status).toBe(429)
})

it('a login that is asked to wait leaves no event, and is counted', async () => {
  const attack = attackFrom('203.0.113')
  await attack.end()
  const { db, metrics } = service.app
  const events = await db.selectFrom('document_trail').select('outcome').where('ip', 'like', '203.0.113.%').execute()
  expect(events.map(({ outcome }) => outcome)).toEqual(Array(attack.compared()).fill('unauthenticated'))
  const counted = await metrics.registry.getSingleMetricAsString('paniq_documents_rate_limited_requests_total')
  expect(counted).toMatch(/rate_limited_requests_total\{kind="logins",of="address"\} [1-9]/)
})

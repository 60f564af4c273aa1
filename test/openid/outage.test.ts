import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { problemOf } from '../support/documents/call-documents.ts'
import { startOpenIdProvider, type TestProvider } from '../support/people/openid-provider.ts'
import { makePerson, type Person } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { defaultKeyCacheTimes } from '../../src/people/sessions/openid-provider.ts'

let provider: TestProvider
let service: TestService
let person: Person
beforeAll(async () => {
  provider = await startOpenIdProvider()
  provider.mood = { kind: 'broken' }
  // Without a pause between two requests to the provider, so that the test need not wait.
  service = await startService(provider.settings, { providerKeys: { ...defaultKeyCacheTimes, pauseMs: 0 } })
  person = await makePerson(service.app)
})
afterAll(async () => {
  await service.stop()
  await provider.stop()
})

function me(authorization: string): Promise<Response> {
  return fetch(`${service.url}/api/v1/auth/me`, { headers: { authorization } })
}

async function withProvidersToken(): Promise<Response> {
  return await me(`Bearer ${await provider.sign(provider.claims({ sub: person.id }))}`)
}

const eventsOf = (name: string) => service.logLines.filter((line) => line.includes(`"event":"${name}"`))

it('a provider outage affects only tokens with unknown keys', async () => {
  const putOff = await withProvidersToken()
  const problem = await problemOf(putOff)
  expect([putOff.status, problem.code, putOff.headers.get('retry-after')]).toEqual([503, 'store_unavailable', '1'])
  expect(problem.detail).toMatch(/cannot be checked, .*Try again/)
  expect((await me(person.headers.authorization)).status).toBe(200)
  await withProvidersToken()
  expect(eventsOf('provider_keys_failed')).toHaveLength(1)

  provider.mood = { kind: 'well' }
  expect((await withProvidersToken()).status).toBe(200)
  expect(eventsOf('provider_keys_back')).toHaveLength(1)

  provider.mood = { kind: 'broken' }
  expect((await withProvidersToken()).status).toBe(200)
  await provider.rotate()
  expect((await withProvidersToken()).status).toBe(503)
})

it('answers and logs contain no token, and the metrics count the requests to the provider', async () => {
  const token = await provider.sign(provider.claims({ sub: randomUUID() }))
  expect(await (await me(`Bearer ${token}`)).text()).not.toContain(token)
  expect(service.logLines.join('')).not.toContain(token.split('.')[2])
  const figures = await (await fetch(`${service.url}/metrics`)).text()
  expect(figures).toMatch(/provider_key_requests_total\{outcome="failed"\} [1-9]/)
  expect(figures).toMatch(/provider_key_requests_total\{outcome="ok"\} 1/)
})

import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'

import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { buildApi } from '../../../../src/bin/api.ts'
import { problemOf } from '../../../support/documents/call-documents.ts'
import { startService, type TestService } from '../../../support/service/start-service.ts'
import { describeCheck } from '../../describe-check.ts'

let service: TestService
let server: FastifyInstance
let url: string
const clock = { now: new Date() }
beforeAll(async () => {
  service = await startService()
  // The same service with a clock that the test controls.
  server = await buildApi({ ...service.app, now: () => clock.now })
  await server.listen({ host: '127.0.0.1', port: 0 })
  url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}` // it listens on a port
})
afterAll(async () => {
  await server.close()
  await service.stop()
})

const password = 'correct horse battery'

function post(path: string, body: object): Promise<Response> {
  return fetch(`${url}/api/v1/auth${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

async function guessTenTimes(email: string): Promise<Set<number>> {
  const guess = () => post('/login', { email, password: 'wrong guess again' })
  return new Set((await Promise.all(Array.from({ length: 10 }, guess))).map(({ status }) => status))
}

async function expectLocked(email: string): Promise<void> {
  const right = await post('/login', { email, password })
  expect([right.status, (await problemOf(right)).code]).toEqual([429, 'rate_limited'])
  const seconds = Number(right.headers.get('retry-after'))
  expect(seconds).toBeGreaterThan(14 * 60)
  expect(seconds).toBeLessThanOrEqual(15 * 60)
}

describeCheck(20, () => {
  it('ten wrong passwords lock the login for 15 minutes, with Retry-After, also for the right one', async () => {
    const email = `${randomUUID()}@people.example`
    await post('/register', { email, password, first_name: 'T', last_name: 'N' })

    expect(await guessTenTimes(email)).toEqual(new Set([401]))
    await expectLocked(email)
    clock.now = new Date(clock.now.getTime() + (15 * 60 + 1) * 1000)
    const opened = await post('/login', { email, password })
    await opened.text()

    expect(opened.status).toBe(200)
    // The platform's own columns are unchanged.
    const row = await service.app.db
      .selectFrom('registered_users')
      .select(['is_locked', 'failed_login_attempts'])
      .where('email', '=', email)
      .executeTakeFirstOrThrow()
    expect(row).toEqual({ is_locked: false, failed_login_attempts: 0 })
  })

  it('an unknown e-mail is locked too, so a lockout reveals no account', async () => {
    const email = `${randomUUID()}@people.example`

    expect(await guessTenTimes(email)).toEqual(new Set([401]))
    await expectLocked(email)
  })
})

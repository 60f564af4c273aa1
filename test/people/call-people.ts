import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'

import type { App } from '../../src/app.ts'
import { buildApi } from '../../src/bin/api.ts'
import { makePerson, type Person } from '../support/people/people.ts'
import { startService } from '../support/service/start-service.ts'

export type Answer = { status: number; headers: Headers; body: unknown }

type Call = { body?: unknown; token?: string | undefined; headers?: Record<string, string> }

/** One JSON call below `/api/v1`: `POST /auth/login`. */
export async function call(url: string, line: string, { body, token, headers }: Call = {}): Promise<Answer> {
  const [method = 'GET', path = ''] = line.split(' ')
  const response = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
}

export const password = 'correct horse battery'

export function newRegistration(wish: Record<string, unknown> = {}) {
  return { email: `${randomUUID()}@people.example`, password, first_name: 'Thandi', last_name: 'Nkosi', ...wish }
}

export function newFirm(wish: Record<string, unknown> = {}) {
  const id = randomUUID()
  return {
    name: 'Blue Crane Security',
    registration_number: id,
    email: `${id}@firms.example`,
    phone: '+27 21 555 0101',
    address: '12 Long Street, Cape Town',
    province: 'Western Cape',
    ...wish,
  }
}

/** The same app at another address, with a clock that a test controls. */
export async function serveAt(app: App): Promise<{ url: string; clock: { now: Date }; stop(): Promise<void> }> {
  const clock = { now: new Date() }
  const server = await buildApi({ ...app, now: () => clock.now })
  await server.listen({ host: '127.0.0.1', port: 0 })
  // the address of a TCP listener
  const { port } = server.server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, clock, stop: async () => server.close() }
}

/** A service, and the address of the same app with a clock that a test controls. */
export async function openWithClock(closing: AsyncDisposableStack, settings: Record<string, string> = {}) {
  const service = await startService(settings)
  closing.defer(() => service.stop())
  const served = await serveAt(service.app)
  closing.defer(() => served.stop())
  return { service, url: served.url, clock: served.clock }
}

export function later(from: Date, seconds: number): Date {
  return new Date(from.getTime() + seconds * 1000)
}

/** A person of the platform with the password `password`, hashed at a low cost, so that tests need not wait. */
export async function makePersonWithPassword(app: App, wish: Record<string, unknown> = {}): Promise<Person> {
  const person = await makePerson(app)
  await app.db
    .updateTable('registered_users')
    .set({ password_hash: platformHash, ...wish })
    .where('id', '=', person.id)
    .execute()
  return person
}

/** `password`, by crypt(3). */
export const platformHash = '$2b$04$abcdefghijklmnopqrstuuqREtd3VJD2QVZbuFskFSLk6eRIrQoOS'

export function refresh(url: string, refreshToken: string): Promise<Answer> {
  return call(url, 'POST /auth/refresh', { body: { refresh_token: refreshToken } })
}

/** The new tokens. Throws if there are none. */
export async function refreshed(url: string, refreshToken: string): Promise<TokensBody> {
  const { status, body } = await refresh(url, refreshToken)
  if (status !== 200) throw new Error(`not refreshed: ${status} ${JSON.stringify(body)}`)
  return body as TokensBody
}

export type TokensBody = { access_token: string; refresh_token: string; token_type: string; expires_in: number }

/** Logs in. The login must succeed. */
export async function logIn(url: string, person: { email: string }): Promise<TokensBody> {
  const answer = await call(url, 'POST /auth/login', { body: { email: person.email, password } })
  if (answer.status !== 200) throw new Error(`not logged in: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body as TokensBody
}

/** Sorted, so that the order of arrival does not matter. */
export function statusesOf(answers: Answer[]): number[] {
  return answers.map(({ status }) => status).toSorted((a, b) => a - b)
}

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { startService, type TestService } from '../support/service/start-service.ts'
import { type Answer, call, makePersonWithPassword, newRegistration, password } from './call-people.ts'

let service: TestService
let published: TestService
beforeAll(async () => {
  service = await startService()
  published = await startService({ PUBLIC_URL: 'https://documents.example' })
})
afterAll(async () => {
  await service.stop()
  await published.stop()
})

const cookieMode = { 'x-auth-mode': 'cookie' }

function fromOurPage(url: string, headers: Record<string, string> = {}): Record<string, string> {
  return { ...cookieMode, origin: url, ...headers }
}

function cookieOf(answer: Answer): { pair: string; attributes: string[] } {
  const [pair = '', ...attributes] = (answer.headers.get('set-cookie') ?? '').split('; ')
  return { pair, attributes }
}

async function logInAt({ app, url }: TestService, headers: Record<string, string>): Promise<Answer> {
  const { email } = await makePersonWithPassword(app)
  return await call(url, 'POST /auth/login', { body: { email, password }, headers })
}

describe('in cookie mode', () => {
  it('the refresh token is an HttpOnly cookie, and not in the body', async () => {
    const answer = await logInAt(service, fromOurPage(service.url))
    expect(answer.status).toBe(200)
    expect(answer.body).toEqual({ access_token: expect.any(String), token_type: 'bearer', expires_in: 900 })
    const { pair, attributes } = cookieOf(answer)
    expect(pair).toMatch(/^paniq_refresh=eyJ/)
    expect(attributes.toSorted()).toEqual(['HttpOnly', 'Max-Age=2592000', 'Path=/api/v1/auth', 'SameSite=Strict'])
  })

  it('also for a new account', async () => {
    const headers = fromOurPage(service.url)
    const answer = await call(service.url, 'POST /auth/register', { body: newRegistration(), headers })
    expect(answer.status).toBe(201)
    expect(answer.body).not.toHaveProperty('refresh_token')
    expect(cookieOf(answer).pair).toMatch(/^paniq_refresh=eyJ/)
  })

  it('the cookie is Secure if the public address is https', async () => {
    const answer = await logInAt(published, fromOurPage('https://documents.example'))
    expect(answer.status).toBe(200)
    expect(cookieOf(answer).attributes).toContain('Secure')
  })

  it('also by plain http from another machine, which therefore needs https', async () => {
    const answer = await logInAt(
      await startedWith({ PUBLIC_URL: 'http://documents.example' }),
      fromOurPage('http://documents.example'),
    )
    expect(cookieOf(answer).attributes).toContain('Secure')
  })

  it('the cookie renews the session and is replaced', async () => {
    const { pair } = cookieOf(await logInAt(service, fromOurPage(service.url)))
    const answer = await call(service.url, 'POST /auth/refresh', {
      headers: fromOurPage(service.url, { cookie: pair }),
    })
    expect(answer.status).toBe(200)
    expect(answer.body).not.toHaveProperty('refresh_token')
    expect(cookieOf(answer).pair).toMatch(/^paniq_refresh=eyJ/)
    expect(cookieOf(answer).pair).not.toBe(pair)
  })

  it('a refresh token in the body is ignored', async () => {
    const { body } = await logInAt(service, {})
    const answer = await call(service.url, 'POST /auth/refresh', { body, headers: fromOurPage(service.url) })
    expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
  })

  it('GET /auth/me works without an Origin, which browsers omit for GET to the same origin', async () => {
    const { body } = await logInAt(service, fromOurPage(service.url))
    const { access_token: token } = body as { access_token: string }
    expect((await call(service.url, 'GET /auth/me', { token, headers: cookieMode })).status).toBe(200)
  })

  it('a logout ends the session and deletes the cookie, also if the session is over', async () => {
    const { pair } = cookieOf(await logInAt(service, fromOurPage(service.url)))
    const headers = fromOurPage(service.url, { cookie: pair })
    const farewell = await call(service.url, 'POST /auth/logout', { headers })
    expect(farewell.status).toBe(204)
    expect(cookieOf(farewell)).toMatchObject({
      pair: 'paniq_refresh=',
      attributes: expect.arrayContaining(['Path=/api/v1/auth', 'Expires=Thu, 01 Jan 1970 00:00:00 GMT']),
    })
    expect((await call(service.url, 'POST /auth/refresh', { headers })).status).toBe(401)
    expect((await call(service.url, 'POST /auth/logout', { headers: fromOurPage(service.url) })).status).toBe(204)
  })
})

describe('a page of another origin cannot use the cookie', () => {
  it.each([
    'POST /auth/login',
    'POST /auth/register',
    'POST /auth/refresh',
    'POST /auth/logout',
    'POST /auth/logout?all=true',
  ])('%s', async (line) => {
    const { pair } = cookieOf(await logInAt(service, fromOurPage(service.url)))
    const port = new URL(service.url).port
    const origins = [
      undefined,
      'null',
      'https://evil.example',
      `http://127.0.0.1.evil.example:${port}`,
      `http://127.0.0.1:1`,
    ]
    for (const origin of origins) {
      const headers = { ...cookieMode, cookie: pair, ...(origin === undefined ? {} : { origin }) }
      const answer = await call(service.url, line, { headers, body: {} })
      expect(answer).toMatchObject({ status: 403, body: { code: 'forbidden' } })
      expect(answer.headers.get('set-cookie')).toBeNull()
    }
    const ours = fromOurPage(service.url, { cookie: pair })
    expect((await call(service.url, 'POST /auth/refresh', { headers: ours })).status).toBe(200)
  })

  it('without the header of cookie mode the cookie is ignored', async () => {
    const { pair } = cookieOf(await logInAt(service, fromOurPage(service.url)))
    for (const origin of [service.url, 'https://evil.example']) {
      const answer = await call(service.url, 'POST /auth/refresh', { headers: { cookie: pair, origin } })
      expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
    }
  })

  it('the cookie works for no other call', async () => {
    const { pair } = cookieOf(await logInAt(service, fromOurPage(service.url)))
    for (const line of ['GET /auth/me', 'GET /security-firms', 'GET /document-types'])
      expect((await call(service.url, line, { headers: fromOurPage(service.url, { cookie: pair }) })).status).toBe(401)
  })

  it('only the public address with its scheme is accepted', async () => {
    expect((await logInAt(published, fromOurPage('https://documents.example'))).status).toBe(200)
    expect((await logInAt(published, fromOurPage('http://documents.example'))).status).toBe(403)
    expect((await logInAt(published, fromOurPage('https://documents.example.evil.example'))).status).toBe(403)
  })

  it('no other address of the service is accepted', async () => {
    expect((await logInAt(published, fromOurPage(published.url))).status).toBe(403)
  })

  it('without a public address, the requested one with its scheme is accepted', async () => {
    const { host } = new URL(service.url)
    expect((await logInAt(service, fromOurPage(`http://${host.toUpperCase()}`))).status).toBe(200)
    expect((await logInAt(service, fromOurPage(`https://${host}`))).status).toBe(403)
  })

  it('behind a trusted proxy, that is the address requested from the proxy', async () => {
    const behind = await startedWith({ TRUST_PROXY: 'loopback' })
    const proxied = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'documents.example' }
    expect((await logInAt(behind, fromOurPage('https://documents.example', proxied))).status).toBe(200)
    expect((await logInAt(behind, fromOurPage('http://documents.example', proxied))).status).toBe(403)
    expect((await logInAt(behind, fromOurPage(behind.url, proxied))).status).toBe(403)
  })
})

const started: TestService[] = []
afterAll(async () => {
  for (const each of started) await each.stop()
})

async function startedWith(settings: Record<string, string>): Promise<TestService> {
  const one = await startService(settings)
  started.push(one)
  return one
}

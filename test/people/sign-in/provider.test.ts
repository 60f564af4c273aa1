import { describe, expect, it } from 'vitest'

import { clientSecret } from '../../support/people/login-provider.ts'
import { makePerson } from '../../support/people/people.ts'
import { call } from '../call-people.ts'
import {
  attemptCookie,
  callback,
  goToProvider,
  home,
  land,
  makeLinkedPerson,
  openBrowser,
  providerScene,
  refresh,
  signIn,
  start,
} from './provider-scene.ts'

const scene = providerScene()

const open = () => openBrowser(scene.service.url)

describe('a linked person who signs in with the provider', () => {
  it('comes back to the page with a session, and with nothing in the address', async () => {
    const person = await makeLinkedPerson(scene)
    const browser = open()
    expect(await signIn(browser, person.login)).toBe(`${home}/`)

    const token = await refresh(browser)
    const me = await call(scene.service.url, 'GET /auth/me', { token })
    expect(me).toMatchObject({ status: 200, body: { id: person.id, email: person.email } })
    const sessions = await call(scene.service.url, 'GET /auth/sessions', { token })
    expect(sessions.body).toMatchObject([{ current: true }])
  })

  it('has cookies that no script and no neighbour can read or plant', async () => {
    const { login } = await makeLinkedPerson(scene)
    const browser = open()
    const begun = await browser.send(start)
    const [attempt = ''] = begun.headers.getSetCookie()
    expect(attempt.split('; ').slice(1).toSorted()).toEqual([
      'HttpOnly',
      'Max-Age=600',
      'Path=/',
      'SameSite=Lax',
      'Secure',
    ])
    expect(attempt).toMatch(/^__Host-paniq_sign_in=/)

    const finished = await browser.send(await goToProvider(browser, login))
    const [cleared, session] = finished.headers.getSetCookie()
    expect(cleared).toMatch(/^__Host-paniq_sign_in=;/)
    expect(session).toMatch(/^__Secure-paniq_refresh=eyJ.*; Path=\/api\/v1\/auth; HttpOnly; Secure; SameSite=Strict$/)
    expect(finished.headers.get('cache-control')).toBe('no-store')
    expect(finished.headers.get('referrer-policy')).toBe('no-referrer')
  })

  it('is asked by the provider with PKCE, a state and a nonce, for this service’s own address', async () => {
    const address = new URL((await open().send(start)).headers.get('location') ?? '')
    expect(address.origin).toBe(scene.provider.issuer)
    expect(Object.fromEntries(address.searchParams)).toEqual({
      client_id: 'documents-page',
      redirect_uri: callback,
      response_type: 'code',
      scope: 'openid',
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
    })
  })

  it('may be known to the provider by their id here', async () => {
    const person = await makePerson(scene.service.app)
    const browser = open()
    expect(await signIn(browser, person.id)).toBe(`${home}/`)
    expect((await call(scene.service.url, 'GET /auth/me', { token: await refresh(browser) })).body).toMatchObject({
      id: person.id,
    })
  })

  it('leaves an event with the login, and no code or secret in the log', async () => {
    const { id, login } = await makeLinkedPerson(scene)
    const browser = open()
    const address = await goToProvider(browser, login)
    const sealed = browser.cookiesOf(home).get(attemptCookie) ?? ''
    await land(browser, address)

    const events = scene.service.app.db
      .selectFrom('document_trail')
      .select(['action', 'outcome', 'details', 'personal'])
    expect(await events.where('actor_id', '=', id).execute()).toEqual([
      {
        action: 'session.started',
        outcome: 'ok',
        details: { method: 'provider', issuer: scene.provider.issuer },
        personal: expect.objectContaining({ subject: login }),
      },
    ])
    const code = new URL(address).searchParams.get('code') ?? ''
    expect(code.length).toBeGreaterThan(20)
    for (const secret of [code, sealed, clientSecret, new URL(address).searchParams.get('state') ?? ''])
      expect(scene.service.logLines.join('')).not.toContain(secret)
  })
})

describe('no request chooses where the browser goes', () => {
  const elsewhere = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http', forwarded: 'host=evil.example' }
  const wishes = '?next=https://evil.example&redirect_uri=https://evil.example&return_to=//evil.example&issuer=x'

  it('neither to the provider', async () => {
    const response = await open().send(`${start}${wishes}`, { headers: elsewhere })
    const address = new URL(response.headers.get('location') ?? '')
    expect(address.origin).toBe(scene.provider.issuer)
    expect(address.searchParams.get('redirect_uri')).toBe(callback)
    expect(address.href).not.toContain('evil')
  })

  it('nor back, after a success or a failure', async () => {
    const { login } = await makeLinkedPerson(scene)
    const browser = open()
    const address = await goToProvider(browser, login)
    const response = await browser.send(`${address}&${wishes.slice(1)}`, { headers: elsewhere })
    expect(response.headers.get('location')).toBe(`${home}/`)
    const failed = await browser.send(`${callback}${wishes}`, { headers: elsewhere })
    expect(failed.headers.get('location')).toMatch(/^https:\/\/documents\.example\/#sign_in_error=attempt_expired&/)
  })
})

it('a HEAD request, as of a link preview, uses up no code', async () => {
  const { login } = await makeLinkedPerson(scene)
  const browser = open()
  const address = await goToProvider(browser, login)
  expect((await browser.send(address, { method: 'HEAD' })).status).toBe(405)
  expect(await land(browser, address)).toBe(`${home}/`)
})

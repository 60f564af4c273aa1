import { describe, expect, it, onTestFinished } from 'vitest'

import { startLoginProvider } from '../../support/people/login-provider.ts'
import { makePerson } from '../../support/people/people.ts'
import { openTestBrowser, type TestBrowser } from '../../support/people/test-browser.ts'
import { startService } from '../../support/service/start-service.ts'
import { call, later, makePersonWithPassword, serveAt } from '../call-people.ts'
import { goToProvider, home, linkLogin, openBrowser, providerScene, refresh, signIn, start } from './provider-scene.ts'

const scene = providerScene({ SECOND_FACTOR: 'everyone' })

/** Signs in, and has the page ask for its first access token. */
async function enter(login: string, url = scene.service.url): Promise<{ browser: TestBrowser; token: string }> {
  const browser = openBrowser(url)
  expect(await signIn(browser, login)).toBe(`${home}/`)
  return { browser, token: await refresh(browser) }
}

/** Begins a sign-in that fails. Returns where the browser ends. */
const startWith = (login: string, url: string) => openBrowser(url).signIn(start, { login, end: `${home}/#` })

async function serviceWith(client: Parameters<typeof startLoginProvider>[1], settings: Record<string, string> = {}) {
  const own = await startLoginProvider(home, client)
  onTestFinished(() => own.stop())
  const one = await startService({ ...own.settings, ...settings })
  onTestFinished(() => one.stop())
  const person = await makePerson(one.app)
  return { one, own, login: person.id }
}

const me = async (token: string, url = scene.service.url) => (await call(url, 'GET /auth/me', { token })).status

describe('a session that the provider’s login began', () => {
  it('ends when the login is unlinked, at its next request', async () => {
    const person = await makePerson(scene.service.app)
    const admin = await makePerson(scene.service.app, { role: 'admin' })
    const { identityId, login } = await linkLogin(scene, person)
    const { browser, token } = await enter(login)
    expect(await me(token)).toBe(200)

    const { headers } = admin
    expect(
      (await call(scene.service.url, `DELETE /users/${person.id}/identities/${identityId}`, { headers })).status,
    ).toBe(204)
    expect(await me(token)).toBe(401)
    expect(await refresh(browser)).toBe('401')
  })

  it('needs no second factor here, also after it was renewed', async () => {
    const { login } = await linkLogin(scene, await makePerson(scene.service.app, { role: 'admin' }))
    const { browser, token } = await enter(login)
    expect(await me(token)).toBe(200)
    expect(await me(await refresh(browser))).toBe(200)
  })

  it('lives 12 hours at most', async () => {
    const { login } = await linkLogin(scene, await makePerson(scene.service.app))
    const instance = await serveAt(scene.service.app)
    onTestFinished(() => instance.stop())
    const { browser } = await enter(login, instance.url)
    instance.clock.now = later(instance.clock.now, 11.9 * 3600)
    expect(await refresh(browser)).toMatch(/^eyJ/)
    instance.clock.now = later(instance.clock.now, 0.2 * 3600)
    expect(await refresh(browser)).toBe('401')
  })

  it('is not renewed once people do not sign in with this provider any more', async () => {
    const { app } = scene.service
    const { login } = await linkLogin(scene, await makePerson(app))
    const hosts = { [home]: scene.service.url }
    const browser = openTestBrowser(hosts)
    expect(await signIn(browser, login)).toBe(`${home}/`)
    const providerClient = app.providerClient && { ...app.providerClient, issuer: 'https://another.example' }
    for (const changed of [providerClient, undefined]) {
      const instance = await serveAt({ ...app, providerClient: changed })
      onTestFinished(() => instance.stop())
      hosts[home] = instance.url
      expect(await refresh(browser)).toBe('401')
    }
    hosts[home] = scene.service.url
    expect(await refresh(browser)).toMatch(/^eyJ/)
  })

  it('ends with another password, as every session does', async () => {
    const person = await makePersonWithPassword(scene.service.app)
    const { token } = await enter((await linkLogin(scene, person)).login)
    await scene.service.app.db
      .updateTable('registered_users')
      .set({ password_hash: null })
      .where('id', '=', person.id)
      .execute()
    expect(await me(token)).toBe(401)
  })

  it('does not begin for a login that is unlinked at the same moment', async () => {
    const admin = await makePerson(scene.service.app, { role: 'admin' })
    for (let count = 0; count < 5; count += 1) {
      const person = await makePerson(scene.service.app)
      const { identityId, login } = await linkLogin(scene, person)
      const browser = openBrowser(scene.service.url)
      const back = await goToProvider(browser, login)
      const unlink = call(scene.service.url, `DELETE /users/${person.id}/identities/${identityId}`, {
        headers: admin.headers,
      })
      await Promise.all([browser.send(back), unlink])
      expect(await refresh(browser)).toBe('401')
    }
  })
})

describe('a client of the provider', () => {
  it('may have no secret', async () => {
    const { one, login } = await serviceWith({ token_endpoint_auth_method: 'none' })
    expect((await enter(login, one.url)).token).toMatch(/^eyJ/)
  })

  it('with a wrong secret signs nobody in, and the log says why without it', async () => {
    const { one, login } = await serviceWith({ client_secret: 'right' }, { OIDC_CLIENT_SECRET: 'hunter2-secret' })
    const address = await startWith(login, one.url)
    expect(address).toMatch(/#sign_in_error=failed&request_id=/)
    const log = one.logLines.join('')
    expect(log).toMatch(/"event":"provider_login_failed".*"code":"invalid_client"/)
    expect(log).not.toContain('hunter2')
  })

  it('of a provider that is down sends people back to the page', async () => {
    const { one, own, login } = await serviceWith({ client_secret: 'right' })
    await own.stop()
    const address = await startWith(login, one.url)
    expect(address).toMatch(/#sign_in_error=provider_unavailable&request_id=/)
    expect(one.logLines.join('')).toMatch(/"event":"provider_login_failed"/)
  })

  it('makes GET /auth/options name the provider', async () => {
    expect((await call(scene.service.url, 'GET /auth/options')).body).toMatchObject({ provider: true, password: false })
  })

  it('is absent by default: both addresses are 404', async () => {
    const without = await startService()
    onTestFinished(() => without.stop())
    for (const path of ['/auth/provider', '/auth/provider/callback?code=x&state=y'])
      expect(await call(without.url, `GET ${path}`)).toMatchObject({ status: 404, body: { code: 'not_found' } })
  })
})

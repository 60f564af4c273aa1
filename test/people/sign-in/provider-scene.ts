import { expect } from 'vitest'

import { systemActor } from '../../../src/database/audit/events.ts'
import { addIdentity } from '../../../src/people/accounts/identities.ts'
import { type LoginProvider, startLoginProvider } from '../../support/people/login-provider.ts'
import { makePerson, type Person } from '../../support/people/people.ts'
import { openTestBrowser, type TestBrowser } from '../../support/people/test-browser.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import { startService, type TestService } from '../../support/service/start-service.ts'

/** The public address of the services in these tests. */
export const home = 'https://documents.example'
export const start = `${home}/api/v1/auth/provider`
export const callback = `${start}/callback`
export const attemptCookie = '__Host-paniq_sign_in'

export type ProviderScene = { service: TestService; provider: LoginProvider }

/** A service and its provider, for the tests of a file. */
export function providerScene(settings: Record<string, string> = {}): ProviderScene {
  return sceneOfFile(async (closing) => {
    const provider = await startLoginProvider(home)
    closing.defer(() => provider.stop())
    const service = await startService({ ...provider.settings, ...settings })
    closing.defer(() => service.stop())
    return { provider, service }
  })
}

export const openBrowser = (url: string) => openTestBrowser({ [home]: url })

let logins = 0

/** The login at the provider that an administrator linked to a person. */
export async function linkLogin({ service, provider }: ProviderScene, { id: userId }: Person) {
  logins += 1
  const subject = `guard-${logins}`
  const { id } = await addIdentity(service.app, systemActor('test'), { issuer: provider.issuer, subject, userId })
  return { identityId: id, login: subject }
}

export async function makeLinkedPerson(scene: ProviderScene): Promise<Person & { login: string }> {
  const person = await makePerson(scene.service.app)
  return { ...person, login: (await linkLogin(scene, person)).login }
}

/** Signs in at the provider. Returns the address that it sends the browser back to, which is not opened. */
export const goToProvider = (browser: TestBrowser, login: string) => browser.signIn(start, { login, end: callback })

/** The whole sign-in. Returns where the browser ends. */
export async function signIn(browser: TestBrowser, login: string): Promise<string> {
  return await land(browser, await goToProvider(browser, login))
}

export async function land(browser: TestBrowser, address: string): Promise<string> {
  const response = await browser.send(address)
  expect(response.status).toBe(302)
  return response.headers.get('location') ?? ''
}

export const errorOf = (address: string) => new URLSearchParams(new URL(address).hash.slice(1)).get('sign_in_error')

/** An access token for the page; the status if there is none. */
export async function refresh(browser: TestBrowser): Promise<string> {
  const headers = { 'x-auth-mode': 'cookie', origin: home }
  const response = await browser.send(`${home}/api/v1/auth/refresh`, { method: 'POST', headers })
  return ((await response.json()) as { access_token?: string }).access_token ?? String(response.status)
}

export function expectNoSession(browser: TestBrowser): void {
  expect(browser.cookiesOf(home).has('__Secure-paniq_refresh')).toBe(false)
}

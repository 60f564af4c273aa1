import { describe, expect, it } from 'vitest'

import { sealAttempt } from '../../../src/people/provider-login/login-attempt.ts'
import { makePerson, type Person } from '../../support/people/people.ts'
import { readMetrics } from '../../metrics/read-metrics.ts'
import { later, serveAt } from '../call-people.ts'
import {
  attemptCookie,
  callback,
  errorOf,
  expectNoSession,
  goToProvider,
  home,
  land,
  makeLinkedPerson,
  openBrowser,
  providerScene,
  signIn,
  start,
} from './provider-scene.ts'

const scene = providerScene()

const open = () => openBrowser(scene.service.url)

const failedLogins = async () =>
  (await readMetrics(scene.service.url)).valueOf('paniq_documents_failed_logins_total') ?? 0

async function sessionsOf({ id }: Pick<Person, 'id'>): Promise<number> {
  const sessions = scene.service.app.db.selectFrom('document_sessions').select('id')
  return (await sessions.where('user_id', '=', id).execute()).length
}

describe('nobody gets a session', () => {
  it('whose login is not linked, also with the e-mail of a person here', async () => {
    const { email, id } = await makePerson(scene.service.app)
    const browser = open()
    const failedBefore = await failedLogins()
    const address = await signIn(browser, email)
    expect(errorOf(address)).toBe('not_linked')
    expect(address).not.toContain(encodeURIComponent(email))
    expectNoSession(browser)
    expect(await sessionsOf({ id })).toBe(0)
    expect(await failedLogins()).toBe(failedBefore + 1)

    const requestId = new URLSearchParams(new URL(address).hash.slice(1)).get('request_id') ?? ''
    const event = await scene.service.app.db
      .selectFrom('document_trail')
      .select(['action', 'outcome', 'details', 'personal'])
      .where('request_id', '=', requestId)
      .executeTakeFirst()
    expect(event).toMatchObject({
      action: 'identity.refused',
      outcome: 'unauthenticated',
      details: { issuer: scene.provider.issuer },
      personal: { subject: email },
    })
  })

  it('whose account is locked or not verified', async () => {
    for (const [change, expected] of [
      [{ is_locked: true }, 'account_locked'],
      [{ is_suspended: true }, 'account_locked'],
      [{ is_verified: false }, 'account_unverified'],
    ] as const) {
      const person = await makeLinkedPerson(scene)
      await scene.service.app.db.updateTable('registered_users').set(change).where('id', '=', person.id).execute()
      const browser = open()
      expect(errorOf(await signIn(browser, person.login))).toBe(expected)
      expectNoSession(browser)
    }
  })

  it('who opens the address of another browser’s sign-in (login CSRF)', async () => {
    const attacker = await makeLinkedPerson(scene)
    const address = await goToProvider(open(), attacker.login)
    const victim = open()
    expect(errorOf(await land(victim, address))).toBe('attempt_expired')
    expectNoSession(victim)
    expect(await sessionsOf(attacker)).toBe(0)
  })

  it('who is led to it during a sign-in of their own (mix-up of states)', async () => {
    const [attacker, person] = [await makeLinkedPerson(scene), await makeLinkedPerson(scene)]
    const address = await goToProvider(open(), attacker.login)
    const victim = open()
    await goToProvider(victim, person.login)
    expect(errorOf(await land(victim, address))).toBe('attempt_expired')
    expectNoSession(victim)
  })

  it('with a code of another sign-in under the right state (injected code)', async () => {
    const [attacker, person] = [await makeLinkedPerson(scene), await makeLinkedPerson(scene)]
    const stolen = new URL(await goToProvider(open(), attacker.login)).searchParams.get('code') ?? ''
    const victim = open()
    const address = new URL(await goToProvider(victim, person.login))
    address.searchParams.set('code', stolen)
    expect(errorOf(await land(victim, address.href))).toBe('failed')
    expectNoSession(victim)
  })

  it('with an ID token of another nonce', async () => {
    const { login } = await makeLinkedPerson(scene)
    const browser = open()
    const { attempt, address } = await (scene.service.app.providerClient?.begin() ??
      Promise.reject(new Error('no client')))
    const returned = await browser.signIn(address, { login, end: callback })
    browser.cookiesOf(home).set(attemptCookie, await sealAttempt(scene.service.app, { ...attempt, nonce: 'another' }))
    expect(errorOf(await land(browser, returned))).toBe('failed')
    expectNoSession(browser)
  })

  it('with an answer that names another issuer', async () => {
    const { login } = await makeLinkedPerson(scene)
    const browser = open()
    const address = new URL(await goToProvider(browser, login))
    expect(address.searchParams.get('iss')).toBe(scene.provider.issuer)
    address.searchParams.set('iss', 'https://evil.example')
    expect(errorOf(await land(browser, address.href))).toBe('failed')
    expectNoSession(browser)
  })

  it('with a code that was used, also by the same browser with its old cookie', async () => {
    const person = await makeLinkedPerson(scene)
    const browser = open()
    const address = await goToProvider(browser, person.login)
    const sealed = browser.cookiesOf(home).get(attemptCookie) ?? ''
    await land(browser, address)
    expect(errorOf(await land(browser, address))).toBe('attempt_expired')

    const other = open()
    other.cookiesOf(home).set(attemptCookie, sealed)
    expect(errorOf(await land(other, address))).toBe('failed')
    expectNoSession(other)
    expect(await sessionsOf(person)).toBe(1)
  })

  it('eleven minutes after the sign-in began', async () => {
    const { login } = await makeLinkedPerson(scene)
    const instance = await serveAt(scene.service.app)
    const browser = openBrowser(instance.url)
    const address = await goToProvider(browser, login)
    instance.clock.now = later(instance.clock.now, 11 * 60)
    expect(errorOf(await land(browser, address))).toBe('attempt_expired')
    await instance.stop()
  })

  it('who cancels at the provider', async () => {
    const browser = open()
    const first = (await browser.send(start)).headers.get('location') ?? ''
    const page = (await browser.send(first)).headers.get('location') ?? ''
    const address = await browser.signIn(`${new URL(page, first).href}/abort`, { login: '', end: callback })
    expect(errorOf(await land(browser, address))).toBe('cancelled')
    expectNoSession(browser)
  })

  it.each([
    ['no query', ''],
    ['a code and a state of nobody', '?code=x&state=y'],
    ['two states', '?state=y&state=z'],
    ['an error', '?error=access_denied'],
    ['a code of 5000 characters', `?code=${'x'.repeat(5000)}`],
  ])('with an address that the provider did not make: %s', async (_, query) => {
    const browser = open()
    await browser.send(start)
    expect(errorOf(await land(browser, `${callback}${query}`))).toMatch(/^(attempt_expired|validation_failed)$/)
    expectNoSession(browser)
  })
})

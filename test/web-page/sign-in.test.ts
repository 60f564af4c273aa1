import { TOTP } from 'otpauth'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'

import { inTransaction } from '../../src/database/connection/in-transaction.ts'
import { markPasswordAsGenerated } from '../../src/database/passwords/generated-passwords.ts'
import { findBarriers } from '../support/browser/check-accessibility.ts'
import { pageInBrowser } from '../support/browser/page-scene.ts'
import { type Account, accountWithFirm, signInOn } from '../support/browser/people-at-work.ts'
import { visit } from '../support/browser/visit.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { addAuthenticator } from '../support/services/programs/chromium.ts'

const scene = pageInBrowser()

const unanswered = 'Failed to load resource'

async function call<Body>({ headers }: Account, path: string, body?: unknown): Promise<Body> {
  const response = await fetch(`${scene.origin}/api/v1${path}`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as Body
}

async function isAtChecklist(page: Page): Promise<void> {
  await page.getByRole('heading', { name: 'Checklist' }).waitFor()
}

test('a wrong password is explained, and the right one leads back to the address that was asked for', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone', expects: [unanswered] })
  await signInOn(page, { ...account, password: 'not it' }, `/firms/${firm}/documents`)
  await page.getByRole('alert').waitFor()

  expect(await findBarriers(page)).toEqual([])
  await signInOn(page, account, `/firms/${firm}/documents`)
  await page.getByRole('heading', { name: 'Documents', exact: true }).waitFor()
  expect(new URL(page.url()).pathname).toBe(`/firms/${firm}/documents`)
})

test.each([
  '//evil.example/',
  // Browsers leave tabs and line breaks out.
  '/%09/evil.example/',
  '/%0a/evil.example/',
])('the address %s of another site is no way back after the sign-in', async (to) => {
  const { account, firm } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, account, `/sign-in?to=${to}`)
  await isAtChecklist(page)

  expect(page.url()).toBe(`${scene.origin}/firms/${firm}/checklist`)
})

test('after ten wrong passwords the wait is explained', async () => {
  const { account } = await accountWithFirm(scene.service)
  for (let attempt = 0; attempt < 10; attempt += 1)
    await fetch(`${scene.origin}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: account.email, password: 'not it' }),
    })
  const page = await visit(scene, { size: 'phone', expects: [unanswered] })
  await signInOn(page, account)

  await page.getByText('After ten wrong passwords an account waits 15 minutes.').waitFor()
  expect(await page.getByRole('alert').textContent()).toContain('You can try again at')
})

test('a code of the authenticator app, or a recovery code, finishes the sign-in', async () => {
  const { account } = await accountWithFirm(scene.service)
  const { secret } = await call<{ secret: string }>(account, '/auth/second-factor/totp')
  const totp = new TOTP({ secret })
  const { recovery_codes: codes } = await call<{ recovery_codes: string[] }>(
    account,
    '/auth/second-factor/totp/confirm',
    { code: totp.generate() },
  )
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, account)
  await page.getByLabel('Code of your authenticator app').waitFor()
  expect(await findBarriers(page)).toEqual([])
  // The confirmation used the code of this half minute.
  await page.getByLabel('Code of your authenticator app').fill(totp.generate({ timestamp: Date.now() + 30_000 }))
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('heading', { name: 'Next step' }).waitFor()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await signInOn(page, account)
  await page.getByRole('button', { name: 'Use a recovery code' }).click()
  await page.getByRole('textbox', { name: 'Recovery code' }).fill(codes[0] ?? '')
  await page.getByRole('button', { name: 'Continue' }).click()
  await isAtChecklist(page)
})

test('a passkey signs in without a password', async () => {
  const { account } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'desktop' })
  await addAuthenticator(page)
  await page.goto('/sign-in')
  const options = await callAt(scene.origin, account, '/auth/passkeys/options')
  const credential = await page.evaluate<unknown>(
    `navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(${JSON.stringify(options)}) })
      .then((created) => created.toJSON())`,
  )
  await callAt(scene.origin, account, '/auth/passkeys', credential)
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await isAtChecklist(page)

  expect(new URL(page.url()).pathname).toMatch(/\/checklist$/)
})

/** From the page's own origin, to which passkeys belong. */
async function callAt(origin: string, { headers }: Account, path: string, body: unknown = null): Promise<unknown> {
  const response = await fetch(`${origin}/api/v1${path}`, {
    method: 'POST',
    headers: { ...headers, origin, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return response.json()
}

test('tokens are in no storage of the page, and a reload keeps the person signed in', async () => {
  const { account } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, account)
  await isAtChecklist(page)
  await page.reload()
  await isAtChecklist(page)
  const stored = await page.evaluate<string>(
    'JSON.stringify([localStorage, sessionStorage, document.cookie, history.state])',
  )
  const [cookie] = await page.context().cookies(`${scene.origin}/api/v1/auth`)

  expect(stored).not.toMatch(/eyJ|refresh/)
  expect(stored.length).toBeLessThan(200)
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: '/api/v1/auth' })
})

test('requests whose token has ended share one refresh and are repeated', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  await uploadDocument(scene.service.url, firm, account)
  const page = await visit(scene, { size: 'phone', expects: [unanswered] })
  await signInOn(page, account, `/firms/${firm}/documents`)
  await page.getByRole('link', { name: 'licence.pdf' }).waitFor()
  let refreshes = 0
  let rejected = 0
  page.on('request', (request) => {
    if (request.url().endsWith('/auth/refresh')) refreshes += 1
  })
  page.on('response', (response) => {
    if (response.status() === 401) rejected += 1
  })
  // The view asks for both at once. Until the refresh, the service gets a token that it rejects.
  await page.route(/\/(versions|events)(\?|$)/, (route) =>
    route.continue(refreshes === 0 ? { headers: { ...route.request().headers(), authorization: 'Bearer old' } } : {}),
  )
  await page.getByRole('link', { name: 'licence.pdf' }).click()
  await page.getByText('Version 1 (newest)').waitFor()
  await page.locator('.history li').first().waitFor()

  expect(rejected).toBe(2)
  expect(refreshes).toBe(1)
})

test('a sign-out is confirmed, and the next person begins at their own start', async () => {
  const { account } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, account, '/account')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('status').getByText('You are signed out.').waitFor()

  expect(await findBarriers(page)).toEqual([])
  expect(new URL(page.url()).search).toBe('')
  const { account: next } = await accountWithFirm(scene.service)
  await page.getByLabel('E-mail address').fill(next.email)
  await page.getByRole('textbox', { name: 'Password' }).fill(next.password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await isAtChecklist(page)
})

test('a session that ended by itself is explained, and the person goes on where they were', async () => {
  const { account } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone', expects: [unanswered] })
  await signInOn(page, account, '/account')
  await page.getByRole('heading', { name: 'Account', level: 1 }).waitFor()
  await page.context().clearCookies()
  await page.reload()
  await page.getByText('Your session has ended. Sign in again to go on.').waitFor()
  await page.getByLabel('E-mail address').fill(account.email)
  await page.getByRole('textbox', { name: 'Password' }).fill(account.password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.getByRole('heading', { name: 'Account', level: 1 }).waitFor()

  expect(new URL(page.url()).pathname).toBe('/account')
})

test('signing out in one tab signs out in the other', async () => {
  const { account } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, account)
  await isAtChecklist(page)
  const other = await page.context().newPage()
  await other.goto('/')
  await other.getByRole('heading', { name: 'Next step' }).waitFor()
  await other.getByRole('button', { name: 'Sign out' }).click()

  await page.getByRole('heading', { name: 'Sign in' }).waitFor()

  expect(new URL(page.url()).pathname).toBe('/sign-in')
})

test('a generated password is changed before anything else', async () => {
  const { account } = await accountWithFirm(scene.service)
  await inTransaction(scene.service.app.db, (trx) => markPasswordAsGenerated(trx, account.id))
  const page = await visit(scene, { size: 'phone', expects: [unanswered] })
  await signInOn(page, account)
  await page.getByText('Choose your own before you go on.').waitFor()
  expect(await findBarriers(page)).toEqual([])
  await page.getByRole('textbox', { name: 'Current password' }).fill(account.password)
  await page.getByRole('textbox', { name: 'New password' }).fill('seventeen quiet lanterns')
  await page.getByRole('button', { name: 'Change the password' }).click()

  await isAtChecklist(page)
})

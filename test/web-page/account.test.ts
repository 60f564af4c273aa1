import { readFile } from 'node:fs/promises'

import { expect, test } from 'vitest'

import { findHardCoded } from '../support/browser/hard-coded-texts.ts'
import { pageInBrowser } from '../support/browser/page-scene.ts'
import { type Account, accountWithFirm, signInOn } from '../support/browser/people-at-work.ts'
import { readQrCode } from '../support/browser/read-qr-code.ts'
import { addAuthenticator } from '../support/services/programs/chromium.ts'
import { openAccount, setUpApp } from './account/account-page.ts'
import { findFaults, type Look, looks } from './operator/administrator.ts'

const scene = pageInBrowser()

const phone: Look = { size: 'phone', colorScheme: 'light' }

async function logIn({ email, password }: Account): Promise<Record<string, string>> {
  const response = await fetch(`${scene.origin}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': 'Mozilla/5.0 (Windows NT 10.0) Firefox/140.0' },
    body: JSON.stringify({ email, password }),
  })
  const { access_token: token } = (await response.json()) as { access_token: string }
  return { authorization: `Bearer ${token}` }
}

async function statusWith(headers: Record<string, string>): Promise<number> {
  return (await fetch(`${scene.origin}/api/v1/auth/me`, { headers })).status
}

test.each<Look>(looks)('the account has no barriers on a $size in $colorScheme', async (look) => {
  const { account } = await accountWithFirm(scene.service)
  await logIn(account)
  const page = await openAccount(scene, look, account)
  await page.getByText('Firefox on Windows').waitFor()
  await page.getByText('You have no passkey yet.').waitFor()
  await page.getByRole('button', { name: 'Add a passkey' }).click()
  await page.getByRole('button', { name: 'Create the passkey' }).waitFor()

  expect(await findFaults(page)).toEqual([])
})

test('one session is ended from the page, then all others', async () => {
  const { account } = await accountWithFirm(scene.service)
  const page = await openAccount(scene, phone, account)
  const ended = await logIn(account)
  await page.reload()
  await page.getByRole('button', { name: 'End Firefox on Windows' }).click()
  await page.getByText('The session is ended.').waitFor()
  expect(await statusWith(ended)).toBe(401)
  const others = [await logIn(account), await logIn(account)]
  await page.reload()
  await page.getByRole('button', { name: 'End all others' }).click()
  await page.getByText('Every device but this one must sign in again.').waitFor()
  expect(await findFaults(page)).toEqual([])
  await page.getByRole('button', { name: 'End all others' }).click()
  await page.getByText('All other sessions are ended.').waitFor()

  expect(await Promise.all(others.map(statusWith))).toEqual([401, 401])
  await page.reload()
  await page.getByText('This session').waitFor()
})

test('a passkey is added with a name, signs in, and is removed', async () => {
  const { account } = await accountWithFirm(scene.service)
  const page = await openAccount(scene, phone, account)
  await addAuthenticator(page)
  await page.getByRole('button', { name: 'Add a passkey' }).click()
  await page.getByRole('textbox', { name: 'Name' }).fill('My <b>phone</b>')
  await page.getByRole('button', { name: 'Create the passkey' }).click()
  await page.getByRole('button', { name: 'I have saved them' }).click()
  await page.getByText('My <b>phone</b>').waitFor()
  await page.getByText('10 codes are left.').waitFor()
  expect(await findFaults(page)).toEqual([])
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await page.getByRole('button', { name: 'Sign out' }).waitFor()
  await page.goto('/account')
  await page.getByRole('button', { name: 'Remove My <b>phone</b>' }).click()
  await page
    .getByRole('group', { name: 'Remove My <b>phone</b>' })
    .getByRole('textbox', { name: 'Password' })
    .fill(account.password)
  await page
    .getByRole('group', { name: 'Remove My <b>phone</b>' })
    .getByRole('button', { name: 'Remove', exact: true })
    .click()
  await page.getByText('You have no passkey yet.').waitFor()
})

test('the app is set up, its recovery codes are shown once and sign in, and it is removed', async () => {
  const { account } = await accountWithFirm(scene.service)
  const page = await openAccount(scene, phone, account)
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await setUpApp(page)
  const codes = await page.locator('.codes li').allTextContents()
  expect(codes).toHaveLength(10)
  expect(await findFaults(page)).toEqual([])
  await page.getByRole('button', { name: 'Copy the codes' }).click()
  await page.getByRole('button', { name: 'Copied' }).waitFor()
  expect(await page.evaluate<string>('navigator.clipboard.readText()')).toBe(codes.join('\n'))
  await page.getByRole('button', { name: 'I have saved them' }).click()
  await page.getByText('10 codes are left.').waitFor()
  expect(await page.content()).not.toContain(codes[0])
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await signInOn(page, account, '/account')
  await page.getByRole('button', { name: 'Use a recovery code' }).click()
  await page.getByRole('textbox', { name: 'Recovery code' }).fill(codes[3] ?? '')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByText('9 codes are left.').waitFor()
  await page.getByRole('button', { name: 'Remove the app' }).click()
  const group = page.getByRole('group', { name: 'Remove the app' })
  await group.getByRole('textbox', { name: 'Password' }).fill(account.password)
  await group.getByRole('button', { name: 'Remove the app' }).click()

  await page.getByRole('button', { name: 'Set up the app' }).waitFor()
})

test('the QR code of the app has its address, also in a dark page', async () => {
  const { account } = await accountWithFirm(scene.service)
  const page = await openAccount(scene, { size: 'phone', colorScheme: 'dark' }, account)
  await page.getByRole('button', { name: 'Set up the app' }).click()
  await page.getByRole('button', { name: 'Begin' }).click()
  const picture = await page.getByRole('img', { name: 'QR code with the key' }).screenshot()
  const secret = await page.locator('.secret').textContent()

  const address = new URL(await readQrCode(page, picture))
  expect(address.protocol).toBe('otpauth:')
  expect(address.searchParams.get('secret')).toBe(secret)
  expect(await findFaults(page)).toEqual([])
})

test('recovery codes are replaced with the password, and saved as a file', async () => {
  const { account } = await accountWithFirm(scene.service)
  const page = await openAccount(scene, phone, account, ['Failed to load resource'])
  await setUpApp(page)
  const before = await page.locator('.codes li').allTextContents()
  await page.getByRole('button', { name: 'I have saved them' }).click()
  await page.getByText('10 codes are left.').waitFor()
  await page.getByRole('button', { name: 'Make new codes' }).click()
  const group = page.getByRole('group', { name: 'Make new codes' })
  await group.getByRole('textbox', { name: 'Password' }).fill('not it')
  await group.getByRole('button', { name: 'Make new codes' }).click()
  await group.getByText('Your recovery codes were not replaced.').waitFor()
  expect(await findFaults(page)).toEqual([])
  await group.getByRole('textbox', { name: 'Password' }).fill(account.password)
  await group.getByRole('button', { name: 'Make new codes' }).click()
  await page.getByRole('heading', { name: 'Save your recovery codes' }).waitFor()
  const codes = await page.locator('.codes li').allTextContents()
  expect(new Set([...before, ...codes]).size).toBe(20)
  expect(await findFaults(page)).toEqual([])

  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download the codes' }).click()
  const saved = await download
  expect(saved.suggestedFilename()).toBe('paniq-documents-recovery-codes.txt')
  expect(await readFile(await saved.path(), 'utf8')).toBe(`${codes.join('\n')}\n`)
  await page.getByRole('button', { name: 'I have saved them' }).click()
  await page.getByText('10 codes are left.').waitFor()
  expect(await page.content()).not.toContain(codes[0])
})

test('a held key asks its question and does not answer it', async () => {
  const { account } = await accountWithFirm(scene.service)
  const others = [await logIn(account), await logIn(account)]
  const page = await openAccount(scene, { size: 'desktop', colorScheme: 'light' }, account)
  await page.getByRole('button', { name: 'End all others' }).focus()
  for (let each = 1; each <= 3; each += 1) await page.keyboard.down('Enter')
  await page.keyboard.up('Enter')
  await page.getByText('Every device but this one must sign in again.').waitFor()
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.waitForLoadState('networkidle')

  expect(await Promise.all(others.map(statusWith))).toEqual([200, 200])
})

test('a wrong password removes nothing, and is explained', async () => {
  const { account } = await accountWithFirm(scene.service)
  const page = await openAccount(scene, phone, account, ['Failed to load resource'])
  await setUpApp(page)
  await page.getByRole('button', { name: 'I have saved them' }).click()
  await page.getByRole('button', { name: 'Remove the app' }).click()
  const group = page.getByRole('group', { name: 'Remove the app' })
  await group.getByRole('textbox', { name: 'Password' }).fill('not it')
  await group.getByRole('button', { name: 'Remove the app' }).click()
  await page.getByRole('alert').waitFor()

  expect(await page.getByRole('alert').textContent()).toContain('The authenticator app was not removed.')
})

test('a login that is not new is asked for the password before it sets up the app', async () => {
  const { account } = await accountWithFirm(scene.service)
  const page = await openAccount(scene, phone, account, ['Failed to load resource'])
  await scene.service.app.db
    .updateTable('document_sessions')
    .set({ proven_at: new Date(Date.now() - 3_600_000) })
    .where('user_id', '=', account.id)
    .execute()
  await page.getByRole('button', { name: 'Set up the app' }).click()
  await page.getByRole('button', { name: 'Begin' }).click()
  await page.getByRole('textbox', { name: 'Password', exact: true }).fill(account.password)
  await page.getByRole('button', { name: 'Begin' }).click()

  await page.getByLabel('Code of the app').waitFor()
  expect(await page.locator('.secret').textContent()).toMatch(/^[A-Z2-7]{32}$/)
})

test('the choice of mails is stored', async () => {
  const { account } = await accountWithFirm(scene.service)
  const page = await openAccount(scene, phone, account)
  await page.getByLabel('How often').selectOption('digest')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Your choice of mails is saved.').waitFor()
  await page.reload()

  expect(await page.getByLabel('How often').inputValue()).toBe('digest')
})

test('the password is changed, and other sessions end', async () => {
  const { account } = await accountWithFirm(scene.service)
  const other = await logIn(account)
  const page = await openAccount(scene, phone, account)
  await page.getByRole('textbox', { name: 'Current password' }).fill(account.password)
  await page.getByRole('textbox', { name: 'New password' }).fill('patient heron marble 42')
  await page.getByRole('button', { name: 'Change the password' }).click()
  await page.getByText('Your password is changed.').waitFor()
  await page.getByText('Firefox on Windows').waitFor({ state: 'detached' })

  expect(await statusWith(other)).toBe(401)
})

test('the account has no text in its code', async () => {
  const { account } = await accountWithFirm(scene.service)
  const page = await openAccount(scene, phone, account)
  await addAuthenticator(page)
  await logIn(account)
  await logIn(account)
  await page.evaluate(`localStorage.setItem('paniq.language', 'pseudo')`)
  await page.reload()
  await page.locator('.row').nth(2).waitFor()
  await page.locator('.card .actions button').first().click()
  await page.locator('.card .actions button').last().click()
  expect(await page.evaluate<string[]>(findHardCoded)).toEqual([])
  await page.locator('.setting-form [name=name]').fill('My phone')
  await page.locator('.setting-form button[type=submit]').click()
  await page.locator('.codes li').first().waitFor()

  expect(await page.evaluate<string[]>(findHardCoded)).toEqual([])
})

import { expect, test } from 'vitest'

import { pageInBrowser } from '../support/browser/page-scene.ts'
import { accountWithFirm, signInOn } from '../support/browser/people-at-work.ts'
import { visit } from '../support/browser/visit.ts'

const scene = pageInBrowser()

test.for([
  ['/sign-in', 'Password', 'current-password'],
  ['/register', 'Password', 'new-password'],
  ['/reset-password#token=x', 'New password', 'new-password'],
] as const)('on %s the password is masked, and a password manager may fill it', async ([path, label, purpose]) => {
  const page = await visit(scene, { size: 'phone' })
  await page.goto(path)
  const field = page.getByRole('textbox', { name: label })
  await field.waitFor()

  expect(await field.getAttribute('type')).toBe('password')
  expect(await field.getAttribute('autocomplete')).toBe(purpose)
})

test('a password can be pasted', async () => {
  const page = await visit(scene, { size: 'desktop', permissions: ['clipboard-read', 'clipboard-write'] })
  await page.goto('/sign-in')
  await page.getByLabel('E-mail address').fill('from the clipboard')
  await page.getByLabel('E-mail address').press('ControlOrMeta+a')
  await page.getByLabel('E-mail address').press('ControlOrMeta+x')
  const field = page.getByRole('textbox', { name: 'Password' })
  await field.press('ControlOrMeta+v')

  expect(await field.inputValue()).toBe('from the clipboard')
})

test('a new password is rejected at its field once, and the fields are empty after a change', async () => {
  const { account } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone', expects: ['Failed to load resource'] })
  await signInOn(page, account, '/account')
  const fresh = page.getByRole('textbox', { name: 'New password' })
  const current = page.getByRole('textbox', { name: 'Current password' })
  await current.fill(account.password)
  await fresh.fill('short')
  await page.getByRole('button', { name: 'Change the password' }).click()
  await page.getByText('Must be at least 10 characters.', { exact: true }).waitFor()
  await expect
    .poll(() => page.getByRole('alert').allTextContents())
    .toEqual(['Correct the marked fields, then try again.'])

  await fresh.fill('nineteen polite kettles')
  await page.getByRole('button', { name: 'Change the password' }).click()
  await page.getByText('Your password is changed.').waitFor()
  expect(await Promise.all([current.inputValue(), fresh.inputValue()])).toEqual(['', ''])
})

test('signing out is one tap away on every view of a firm', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, account, `/firms/${firm}/documents`)
  await page.getByRole('heading', { name: 'Documents', exact: true }).waitFor()

  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()

  expect(new URL(page.url()).pathname).toBe('/sign-in')
})

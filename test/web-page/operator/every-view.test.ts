import { expect, test } from 'vitest'

import { addErrors } from '../../../src/database/work/hourly-history.ts'
import { findHardCoded } from '../../support/browser/hard-coded-texts.ts'
import { pageInBrowser } from '../../support/browser/page-scene.ts'
import { type Account, accountWithFirm, signInOn } from '../../support/browser/people-at-work.ts'
import { visit } from '../../support/browser/visit.ts'
import { findFaults, looks, openAdministration } from './administrator.ts'
import { administratorAccount } from '../../support/browser/reviewers.ts'

const scene = pageInBrowser()

async function call<Body>({ headers }: Account, path: string, body: unknown): Promise<Body> {
  const response = await fetch(`${scene.origin}/api/v1${path}`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as Body
}

/** The address of every view, with something in each list. */
async function fillViews(): Promise<string[]> {
  const administrator = await administratorAccount(scene.service)
  const { account, firm } = await accountWithFirm(scene.service)
  await addErrors(scene.service.app.db, 1)
  await call(administrator, '/api-keys', { name: 'Monitoring', scopes: ['operations:read'] })
  const url = 'https://portal.example.com/hooks/documents'
  const { id } = await call<{ id: string }>(administrator, '/webhooks', { url, events: ['document.verified'] })
  await fetch(`${scene.origin}/api/v1/webhooks/${id}/test`, { method: 'POST', headers: administrator.headers })
  return [
    '/admin',
    '/admin/history',
    '/admin/firms',
    `/admin/firms/${firm}`,
    `/admin/people?email=${account.email}`,
    '/admin/types',
    '/admin/types/new',
    '/admin/types/bank_statement',
    '/admin/mails',
    '/admin/keys',
    '/admin/webhooks',
    `/admin/webhooks/${id}`,
  ]
}

test.each(looks)('every view is without barriers, on a $size in $colorScheme', async (look) => {
  const paths = await fillViews()
  const page = await openAdministration(scene, '/admin', look)
  const faults: string[] = []
  for (const path of paths) {
    await page.goto(path)
    await page.locator('.operator-sections').waitFor()
    await page.waitForLoadState('networkidle')
    faults.push(...(await findFaults(page)).map((fault) => `${path}: ${fault}`))
  }

  expect(faults).toEqual([])
})

test('no view has a text in its code', async () => {
  const paths = await fillViews()
  const page = await openAdministration(scene, '/admin', { size: 'phone', colorScheme: 'light' })
  await page.evaluate(`localStorage.setItem('paniq.language', 'pseudo')`)
  const found: string[] = []
  for (const path of paths) {
    await page.goto(path)
    await page.locator('.operator-sections').waitFor()
    await page.waitForLoadState('networkidle')
    found.push(...(await page.evaluate<string[]>(findHardCoded)).map((text) => `${path}: ${text}`))
  }

  expect(found).toEqual([])
  expect(await page.locator('.operator-sections').textContent()).toMatch(/⟦/)
})

test('the keyboard alone leads to a section and through a question', async () => {
  const { firm } = await accountWithFirm(scene.service)
  const page = await openAdministration(scene, `/admin/firms/${firm}`)
  await page.getByRole('button', { name: 'Lock the firm' }).focus()
  await page.keyboard.press('Enter')
  await page.getByText('Its members can then only read').waitFor()
  // The focus is on the answer, and the next stop is the way back.
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await page.getByText('Its members can then only read').waitFor({ state: 'detached' })
  await page.getByRole('link', { name: 'Webhooks' }).focus()
  await page.keyboard.press('Enter')

  await page.getByRole('heading', { name: 'Webhooks', level: 1 }).waitFor()
  expect(new URL(page.url()).pathname).toBe('/admin/webhooks')
})

test('on a phone the head is one row, and its menu works by keyboard alone', async () => {
  const page = await openAdministration(scene, '/admin', { size: 'phone', colorScheme: 'light' })
  const menu = page.getByRole('button', { name: 'Menu' })
  const links = page.getByRole('navigation', { name: 'Main' })
  await menu.waitFor()
  expect((await page.locator('header').boundingBox())?.height).toBeLessThan(2 * 44)
  await menu.focus()
  await page.keyboard.press('Enter')
  await links.waitFor()
  expect(await findFaults(page)).toEqual([])
  await page.keyboard.press('Escape')
  await links.waitFor({ state: 'hidden' })
  await page.keyboard.press('Enter')
  await links.waitFor()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Escape')
  await links.waitFor({ state: 'hidden' })
  expect(await page.evaluate<string>('document.activeElement.textContent')).toBe('Menu')
  await page.keyboard.press('Enter')
  await links.getByRole('link', { name: 'Review' }).focus()
  await page.keyboard.press('Enter')

  await page.getByRole('heading', { name: 'Review', level: 1 }).waitFor()
  await links.waitFor({ state: 'hidden' })
  await page.setViewportSize({ width: 1440, height: 900 })
  await links.waitFor()
  expect(await links.locator('[aria-current="page"]').textContent()).toBe('Review')
  expect(await menu.isVisible()).toBe(false)
})

test('a view that cannot be loaded has the request id and a way forward', async () => {
  const administrator = await administratorAccount(scene.service)
  const page = await visit(scene, { size: 'phone', expects: ['Failed to load resource'] })
  await signInOn(page, administrator, '/admin/firms/00000000-0000-4000-8000-000000000000')
  await page.getByRole('alert').waitFor()

  expect(await page.getByRole('alert').textContent()).toMatch(/Try again.*give this number: /)
  expect(await findFaults(page)).toEqual([])
})

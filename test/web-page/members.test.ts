import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'

import { findHardCoded } from '../support/browser/hard-coded-texts.ts'
import { pageInBrowser } from '../support/browser/page-scene.ts'
import { accountWithFirm, registerAccount, signInOn } from '../support/browser/people-at-work.ts'
import { visit } from '../support/browser/visit.ts'
import { addMember } from '../support/people/people.ts'
import { findFaults, type Look, looks } from './operator/administrator.ts'

const scene = pageInBrowser()

async function press(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name, exact: true }).click()
  await page.getByRole('group', { name }).getByRole('button', { name }).click()
}

async function invite(page: Page, email: string): Promise<string> {
  await page.getByRole('button', { name: 'Invite a colleague' }).click()
  await page.getByLabel('E-mail address of your colleague').fill(email)
  await page.getByLabel('Role').selectOption('firm_supervisor')
  await page.getByRole('button', { name: 'Create the invitation' }).click()
  await page.getByRole('heading', { name: 'The invitation is ready' }).waitFor()
  return (await page.locator('.secret').textContent()) ?? ''
}

test.each<Look>(looks)(
  'a colleague is invited, joins by the link, and leaves, on a $size in $colorScheme',
  async (look) => {
    const { account, firm } = await accountWithFirm(scene.service)
    const colleague = await registerAccount(scene.service)
    const page = await visit(scene, look)
    await signInOn(page, account)
    await page.getByRole('link', { name: 'Members' }).click()
    const link = await invite(page, colleague.email)
    await page.getByRole('button', { name: `New link for ${colleague.email}` }).waitFor()
    expect(await findFaults(page)).toEqual([])

    const other = await visit(scene, look)
    await signInOn(other, colleague)
    await other.getByRole('heading', { name: 'Your firms' }).waitFor()
    await other.goto(`/invitation${new URL(link).hash}`)
    await other.getByRole('button', { name: 'Accept the invitation' }).click()
    await other.getByRole('link', { name: 'Members' }).click()
    await other.getByText('You are here as supervisor.').waitFor()
    expect(await other.getByRole('button', { name: 'Invite a colleague' }).count()).toBe(0)
    expect(await findFaults(other)).toEqual([])

    await page.reload()
    const row = page.locator('.row', { hasText: colleague.email })
    await row.getByText('Supervisor').waitFor()
    expect(await page.getByRole('heading', { name: 'Open invitations' }).count()).toBe(0)
    expect(await findFaults(page)).toEqual([])
    await press(other, 'Leave the firm')
    await other.getByRole('heading', { name: 'Your firms' }).waitFor()
    await other.getByText('You belong to no firm yet').waitFor()
    await page.reload()
    await page.locator('.row').first().waitFor()

    expect(await row.count()).toBe(0)
    expect(new URL(page.url()).pathname).toBe(`/firms/${firm}/members`)
  },
)

test('a member gets another role, is suspended and reinstated, and is removed', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const colleague = await registerAccount(scene.service)
  await addMember(scene.service.app, firm, colleague, { role: 'firm_user' })
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, account, `/firms/${firm}/members`)
  const row = page.locator('.row', { hasText: colleague.email })
  await row.getByRole('button', { name: 'Change the role' }).click()
  await row.getByLabel('Role').selectOption('firm_supervisor')
  expect(await findFaults(page)).toEqual([])
  await row.getByRole('button', { name: 'Save' }).click()
  await row.locator('.badge', { hasText: 'Supervisor' }).waitFor()
  await press(page, 'Suspend')
  await row.getByText('Suspended', { exact: true }).waitFor()
  await press(page, 'Reinstate')
  await row.getByText('Suspended', { exact: true }).waitFor({ state: 'detached' })
  await press(page, 'Remove')
  await row.waitFor({ state: 'detached' })

  expect(await page.locator('.row').count()).toBe(1)
})

test('an invitation is sent again with a new link, and withdrawn', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, account, `/firms/${firm}/members`)
  const first = await invite(page, 'lerato@bluecrane.example')
  await page.getByRole('button', { name: 'Done' }).click()
  expect(await page.content()).not.toContain(first)
  await page.getByRole('button', { name: 'New link for lerato@bluecrane.example' }).click()
  await page.getByRole('heading', { name: 'The invitation is ready' }).waitFor()
  const second = (await page.locator('.secret').textContent()) ?? ''
  await press(page, 'Withdraw')
  await page.getByText('The invitation is withdrawn.').waitFor()
  await page.locator('.secret').waitFor({ state: 'detached' })
  const token = new URLSearchParams(new URL(second).hash.slice(1)).get('token')

  expect(second).not.toBe(first)
  expect((await fetch(`${scene.origin}/api/v1/invitations/${token}`)).status).toBe(404)
})

test('the last administrator cannot leave, and reads why', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone', expects: ['Failed to load resource'] })
  await signInOn(page, account, `/firms/${firm}/members`)
  await press(page, 'Leave the firm')
  await page.getByRole('alert').waitFor()

  expect(await page.getByRole('alert').textContent()).toContain('last active administrator')
})

test('the members have no text in their code', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, account, `/firms/${firm}/members`)
  await page.locator('.row').first().waitFor()
  await page.evaluate(`localStorage.setItem('paniq.language', 'pseudo')`)
  await page.reload()
  await page.locator('.row').first().waitFor()
  await page.locator('main > button').first().click()
  await page.locator('[name=email]').fill('lerato@bluecrane.example')
  expect(await page.evaluate<string[]>(findHardCoded)).toEqual([])
  await page.locator('button[type=submit]').click()
  await page.locator('.secret').waitFor()

  expect(await page.evaluate<string[]>(findHardCoded)).toEqual([])
})

import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'

import { findHardCoded } from '../support/browser/hard-coded-texts.ts'
import { pageInBrowser } from '../support/browser/page-scene.ts'
import { accountWithFirm, registerAccount, signInOn } from '../support/browser/people-at-work.ts'
import { visit } from '../support/browser/visit.ts'
import { addMember } from '../support/people/people.ts'
import { findFaults, type Look, looks } from './operator/administrator.ts'

const scene = pageInBrowser()

/** At the address of the test: the service names itself by the host of the request. */
const statusOf = async (link: string) => (await fetch(link)).status

async function makeLink(page: Page): Promise<string> {
  await page.getByRole('button', { name: 'Create the calendar link' }).click()
  await page.getByRole('heading', { name: 'The calendar link is ready' }).waitFor()
  return (await page.locator('.secret').textContent()) ?? ''
}

async function confirm(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name }).click()
  await page.getByRole('group', { name }).getByRole('button', { name }).click()
}

test.each<Look>(looks)(
  'the link of a calendar is made, copied, replaced and ended, on a $size in $colorScheme',
  async (look) => {
    const { account } = await accountWithFirm(scene.service)
    const page = await visit(scene, look)
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await signInOn(page, account)
    await page.getByRole('heading', { name: 'Expiry dates in your calendar' }).waitFor()
    await page.getByText('Everybody who has the link can read').waitFor()
    expect(await findFaults(page)).toEqual([])
    const first = await makeLink(page)
    expect(await findFaults(page)).toEqual([])
    await page.getByRole('button', { name: 'Copy the link' }).click()
    await page.getByRole('button', { name: 'Copied' }).waitFor()
    expect(await page.evaluate<string>('navigator.clipboard.readText()')).toBe(first)
    expect(await statusOf(first)).toBe(200)
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByText('You made it on').waitFor()
    expect(await page.content()).not.toContain(first)
    expect(await findFaults(page)).toEqual([])

    await confirm(page, 'Create a new link')
    await page.getByRole('heading', { name: 'The calendar link is ready' }).waitFor()
    const second = (await page.locator('.secret').textContent()) ?? ''
    expect([await statusOf(first), await statusOf(second)]).toEqual([404, 200])
    await page.reload()
    await confirm(page, 'End the link')
    await page.getByText('The calendar link has ended.').waitFor()
    await page.getByRole('button', { name: 'Create the calendar link' }).waitFor()

    expect(await statusOf(second)).toBe(404)
  },
)

test('another administrator reads who made the link, and other members see none', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, account)
  await makeLink(page)
  const [colleague, member] = [await registerAccount(scene.service), await registerAccount(scene.service)]
  await addMember(scene.service.app, firm, colleague)
  await addMember(scene.service.app, firm, member, { role: 'firm_supervisor' })
  const other = await visit(scene, { size: 'phone' })
  await signInOn(other, colleague)
  await other.getByText('Another administrator made it on').waitFor()
  const third = await visit(scene, { size: 'phone' })
  await signInOn(third, member)
  await third.getByRole('heading', { name: 'Next step' }).waitFor()

  expect(await third.getByText('Expiry dates in your calendar').count()).toBe(0)
})

test('the calendar has no text in its code', async () => {
  const { account } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, account)
  await makeLink(page)
  await page.evaluate(`localStorage.setItem('paniq.language', 'pseudo')`)
  await page.reload()
  await page
    .locator('.actions', { has: page.locator('button') })
    .last()
    .waitFor()
  await page.waitForLoadState('networkidle')

  expect(await page.evaluate<string[]>(findHardCoded)).toEqual([])
})

import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'

import type { ApplicationShape } from '../../../src/contract/applications.ts'
import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { pageInBrowser } from '../../support/browser/page-scene.ts'
import { type Account, accountWithFirm, completeChecklist, signInOn } from '../../support/browser/people-at-work.ts'
import { administratorAccount, reviewerAccount } from '../../support/browser/reviewers.ts'
import { visit } from '../../support/browser/visit.ts'

const scene = pageInBrowser()

async function applied(): Promise<{ account: Account; firm: FirmId }> {
  const { account, firm } = await accountWithFirm(scene.service)
  await completeChecklist(scene.service, firm, account)
  const { status } = await call(account, 'POST', `${firm}/submit-application`)
  if (status !== 200) throw new Error(`not submitted: ${status}`)
  return { account, firm }
}

async function call({ headers }: Account, method: string, path: string): Promise<Response> {
  return await fetch(`${scene.service.url}/api/v1/security-firms/${path}`, { method, headers })
}

async function applicationOf(firm: FirmId, account: Account): Promise<ApplicationShape> {
  return (await (await call(account, 'GET', `${firm}/application`)).json()) as ApplicationShape
}

async function openFirst(page: Page, firm: FirmId): Promise<void> {
  await page.locator(`a[href="/review/applications/${firm}"]`).click()
  await page.getByRole('heading', { name: 'Application', exact: true, level: 1 }).waitFor()
}

test('an administrator rejects one application with a reason, and approves another', async () => {
  const [bad, good] = [await applied(), await applied()]
  const page = await visit(scene, { size: 'desktop' })
  await signInOn(page, await administratorAccount(scene.service), '/admin')
  await page.getByRole('link', { name: '2 applications' }).click()
  await page.getByRole('link', { name: 'Applications (2)' }).waitFor()

  await openFirst(page, bad.firm)
  await page.getByRole('button', { name: 'Reject…' }).click()
  await page.getByLabel('Reason, which the firm can read').fill('The address is that of another firm.')
  await page.getByRole('button', { name: 'Reject the application' }).click()
  await page.getByText('Rejected: Umkhonto Guarding').waitFor()
  await page.getByRole('link', { name: 'Applications (1)' }).waitFor()
  await page.getByRole('link', { name: 'Back to Applications' }).click()
  await openFirst(page, good.firm)
  await page.getByRole('button', { name: 'Approve' }).waitFor()
  await page.keyboard.press('a')
  await page.getByRole('button', { name: 'Approve' }).click()
  await page.getByText('Approve Umkhonto Guarding?').waitFor()
  await page.keyboard.press('Enter')
  await page.getByText('Approved: Umkhonto Guarding').waitFor()

  expect(await applicationOf(bad.firm, bad.account)).toMatchObject({
    status: 'rejected',
    rejection_reason: 'The address is that of another firm.',
  })
  expect(await applicationOf(good.firm, good.account)).toMatchObject({ status: 'approved', rejection_reason: null })
  const firmPage = await visit(scene, { size: 'phone' })
  await signInOn(firmPage, bad.account)
  await firmPage.getByText('The address is that of another firm.').waitFor()
})

test('only reviewers and administrators see the review, and only administrators its applications', async () => {
  const { account } = await accountWithFirm(scene.service)
  const links = async (person: Account) => {
    const page = await visit(scene, { size: 'desktop' })
    await signInOn(page, person)
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Account' }).waitFor()
    await page.waitForLoadState('networkidle')
    return page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Review' }).allTextContents()
  }
  const sections = async (person: Account) => {
    const page = await visit(scene, { size: 'desktop' })
    await signInOn(page, person, '/review')
    const bar = page.getByRole('navigation', { name: 'Sections of the review' })
    await bar.waitFor()
    await page.waitForLoadState('networkidle')
    return await bar.getByRole('link', { name: 'Applications' }).count()
  }

  expect(await links(account)).toEqual([])
  expect(await links(await reviewerAccount(scene.service))).toEqual(['Review'])
  expect(await links(await administratorAccount(scene.service))).toEqual(['Review'])
  expect(await sections(await reviewerAccount(scene.service))).toBe(0)
  expect(await sections(await administratorAccount(scene.service))).toBe(1)
})

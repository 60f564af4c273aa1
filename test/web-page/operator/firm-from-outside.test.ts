import { expect, test } from 'vitest'

import { pageInBrowser } from '../../support/browser/page-scene.ts'
import { accountWithFirm, completeChecklist, signInOn } from '../../support/browser/people-at-work.ts'
import { administratorAccount, reviewerAccount } from '../../support/browser/reviewers.ts'
import { visit } from '../../support/browser/visit.ts'
import { uploadDocument } from '../../support/documents/call-documents.ts'
import { makeFirm } from '../../support/people/people.ts'
import { findFaults, openAdministration } from './administrator.ts'

const scene = pageInBrowser()

test('the first administrator of a firm is invited from its view, and the firm with one is not', async () => {
  const firm = await makeFirm(scene.service.app)
  const page = await openAdministration(scene, `/admin/firms/${firm}`, { size: 'phone', colorScheme: 'light' })
  await page.getByText('The firm has no active administrator.').waitFor()
  await page.getByRole('link', { name: 'Invite the first administrator' }).click()
  await page.getByRole('button', { name: 'Invite the first administrator' }).click()
  await page.getByLabel('E-mail address of the person').fill('first@people.example')
  expect(await page.getByLabel('Role').count()).toBe(0)
  expect(await findFaults(page)).toEqual([])
  await page.getByRole('button', { name: 'Create the invitation' }).click()
  await page.getByRole('heading', { name: 'The invitation is ready' }).waitFor()
  expect(await page.locator('.secret').textContent()).toContain('/invitation#token=')
  await page.getByText('Administrator · Works until').waitFor()

  const managed = await accountWithFirm(scene.service)
  await page.goto(`/admin/firms/${managed.firm}`)
  await page.getByText('Administrators of the firm').waitFor()
  expect(await page.getByText(managed.account.email).count()).toBe(1)
  await page.getByRole('link', { name: 'Members and invitations' }).click()
  await page.getByRole('heading', { name: 'Members of the firm' }).waitFor()
  await page.getByText(managed.account.email).waitFor()
  expect(await page.getByRole('button', { name: 'Invite' }).count()).toBe(0)
})

test('an administrator reads the checklist of a firm without being asked for anything', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  await uploadDocument(scene.service.url, firm, account, { type: 'security_license' })
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, await administratorAccount(scene.service), `/firms/${firm}/checklist`)
  await page.getByText('Not accepted yet:').waitFor()
  await page.getByText('Done (1): accepted or in review').click()
  await page.getByText('It waits for a decision.').waitFor()

  expect(await page.locator('main').textContent()).not.toMatch(/\b(you|your)\b|Next step|Upload/i)
  expect(await findFaults(page)).toEqual([])
})

test('a reviewer reads of a complete checklist that the firm can submit it', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  await completeChecklist(scene.service, firm, account)
  const page = await visit(scene, { size: 'desktop' })
  await signInOn(page, await reviewerAccount(scene.service), `/firms/${firm}/checklist`)
  await page.getByText('An administrator of the firm can submit the application.').waitFor()

  expect(await page.locator('main').textContent()).not.toMatch(/\b(you|your)\b/i)
})

test('an application has what is lacking first, then the required documents, then the optional ones', async () => {
  const { firm } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone', expects: ['Failed to load resource'] })
  await signInOn(page, await administratorAccount(scene.service), `/review/applications/${firm}`)
  await page.getByText('Not accepted yet:').waitFor()
  const checklist = page.locator('section', { has: page.getByRole('heading', { name: 'Checklist' }) })
  const text = (await checklist.textContent()) ?? ''

  expect(text).toMatch(
    /0 of \d+ required.*Not accepted yet:.*Required documents.*Missing.*Other documents, optional.*Optional/,
  )
  expect(text.slice(text.indexOf('Other documents'))).not.toContain('Missing')
  expect(await findFaults(page)).toEqual([])
})

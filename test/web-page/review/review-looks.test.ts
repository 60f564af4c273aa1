import { expect, test } from 'vitest'

import { findBarriers, findSmallTargets } from '../../support/browser/check-accessibility.ts'
import { pageInBrowser } from '../../support/browser/page-scene.ts'
import { accountWithFirm, completeChecklist, signInOn } from '../../support/browser/people-at-work.ts'
import { administratorAccount, openDocument } from '../../support/browser/reviewers.ts'
import { type Size, visit } from '../../support/browser/visit.ts'
import { uploadDocument } from '../../support/documents/call-documents.ts'
import { makeTextPdf } from '../../support/files/make-text-pdf.ts'

const scene = pageInBrowser()

test.each<[Size, 'light' | 'dark']>([
  ['phone', 'light'],
  ['phone', 'dark'],
  ['desktop', 'light'],
  ['desktop', 'dark'],
])('axe finds nothing on the views of a reviewer, on a %s in %s', async (size, colorScheme) => {
  const { url } = scene.service
  const done = await accountWithFirm(scene.service)
  await completeChecklist(scene.service, done.firm, done.account)
  const submit = { method: 'POST', headers: done.account.headers }
  await fetch(`${url}/api/v1/security-firms/${done.firm}/submit-application`, submit)
  const { account, firm } = await accountWithFirm(scene.service)
  await uploadDocument(url, firm, account, { type: 'bank_statement' })
  const bytes = makeTextPdf(['Tax clearance', 'Second page'])
  const document = await uploadDocument(url, firm, account, { type: 'tax_clearance', bytes })
  const page = await visit(scene, { size, colorScheme })
  const faults: string[] = []
  const check = async (view: string) => {
    const small = size === 'phone' ? await findSmallTargets(page) : []
    const isWide = await page.evaluate<boolean>('document.documentElement.scrollWidth > innerWidth')
    const found = [...(await findBarriers(page)), ...small, ...(isWide ? ['wider than its window'] : [])]
    faults.push(...found.map((each) => `${view}: ${each}`))
  }
  await signInOn(page, await administratorAccount(scene.service), '/review')
  await page.locator('.cards li').first().waitFor()
  await check('queue')
  await openDocument(page, document)
  await page.getByRole('link', { name: 'Bank statement' }).waitFor()
  await check('document')
  await page.getByRole('button', { name: 'Reject' }).click()
  await page.getByText('Why is it rejected?').waitFor()
  await check('reasons')
  await page.keyboard.press('Escape')
  await page.keyboard.press('?')
  await page.getByRole('heading', { name: 'Keys of the review' }).waitFor()
  await check('help')
  await page.keyboard.press('Escape')
  await page.goto('/review/applications')
  await page.locator('.cards li').first().waitFor()
  await check('applications')
  await page.goto(`/review/applications/${done.firm}`)
  await page.getByRole('button', { name: 'Approve' }).waitFor()
  await page.getByRole('link', { name: 'Identity document' }).waitFor()
  await check('application')

  expect(faults).toEqual([])
})

test('a member of the firm opens the preview of a document on demand', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const bytes = makeTextPdf(['Tax clearance', 'Second page'])
  const document = await uploadDocument(scene.service.url, firm, account, { type: 'tax_clearance', bytes })
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, account, `/firms/${firm}/documents/${document.id}`)

  await page.getByRole('button', { name: 'Show the preview' }).click()
  await page.locator(`[data-shown="${document.id}/1"]`).waitFor()
  await page.getByText('2 pages').waitFor()
  const frame = page.frames().find((each) => each.url().endsWith('/preview-frame'))
  expect(await frame?.evaluate('self.origin')).toBe('null')
  expect(await page.getByTitle('Preview').getAttribute('sandbox')).toBe('allow-scripts')
  expect(await findBarriers(page)).toEqual([])
})

import { expect, test } from 'vitest'

import { pageInBrowser } from '../support/browser/page-scene.ts'
import { accountWithFirm, signInOn } from '../support/browser/people-at-work.ts'
import { previewShows, reviewerAccount } from '../support/browser/reviewers.ts'
import { visit } from '../support/browser/visit.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { makePng } from '../support/files/make-files.ts'
import { makeTextPdf } from '../support/files/make-text-pdf.ts'

const scene = pageInBrowser()

test('a reviewer decides several documents by keyboard alone, and the firm sees the reason of a rejection', async () => {
  const { url } = scene.service
  const { account, firm } = await accountWithFirm(scene.service)
  const upload = (type: string, fileName: string, bytes: Buffer) =>
    uploadDocument(url, firm, account, { type, fileName, bytes })
  const tax = await upload('tax_clearance', 'tax.pdf', makeTextPdf(['Tax clearance', 'Second page']))
  const identity = await upload('identity_document', '<img src=x onerror=alert(1)>.png', makePng())
  const bank = await upload('bank_statement', 'bank.pdf', makeTextPdf(['Bank statement']))
  const reviewer = await reviewerAccount(scene.service)
  const page = await visit(scene, { size: 'desktop' })
  await signInOn(page, reviewer, '/review')
  await page.getByText('tax.pdf').waitFor()

  await page.keyboard.press('n')
  await previewShows(page, tax)
  expect(page.url()).toBe(`${scene.origin}/review/documents/${firm}/${tax.id}`)
  await page.keyboard.press('a')
  await previewShows(page, identity)
  await page.getByRole('heading', { name: '<img src=x onerror=alert(1)>.png' }).waitFor()
  expect(await page.locator('img').count()).toBe(0)
  await page.keyboard.press('r')
  await page.keyboard.press('2')
  await page.keyboard.press('Enter')
  await previewShows(page, bank)
  await page.keyboard.press('a')
  await page.getByText('Nothing waits for you').waitFor()

  const answer = await fetch(`${url}/api/v1/security-firms/${firm}/checklist`, { headers: account.headers })
  const { items } = (await answer.json()) as {
    items: { document_type: string; state: string; review_reason: string }[]
  }
  const states = Object.fromEntries(items.map((item) => [item.document_type, [item.state, item.review_reason]]))
  expect(states).toMatchObject({
    tax_clearance: ['verified', null],
    identity_document: ['rejected', 'unreadable'],
    bank_statement: ['verified', null],
  })
})

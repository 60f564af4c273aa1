import { expect, test } from 'vitest'

import { pageInBrowser } from '../support/browser/page-scene.ts'
import { accountWithFirm, review, signInOn } from '../support/browser/people-at-work.ts'
import { visit } from '../support/browser/visit.ts'
import { callDocuments, uploadDocument } from '../support/documents/call-documents.ts'

const scene = pageInBrowser()

test('what a reviewer wrote stays on the page, whatever the number of events, and the checklist reads no history', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const document = await uploadDocument(scene.service.url, firm, account, { type: 'identity_document' })
  const comment = 'The <b>left</b> edge is cut off.'
  await review(scene.service, document, { decision: 'reject', reason_code: 'incomplete', comment })
  for (let reads = 0; reads < 55; reads += 1)
    await (await callDocuments(scene.service.url, firm, account, `/${document.id}/events?limit=1`)).text()
  const page = await visit(scene, { size: 'phone' })
  const histories: string[] = []
  page.on('request', (request) => {
    if (request.url().includes('/events')) histories.push(request.url())
  })
  await signInOn(page, account)
  await page.getByText('Upload a corrected version of this document:').waitFor()
  // In the next step and on the card of the document.
  await expect.poll(async () => await page.getByText(comment, { exact: true }).count()).toBe(2)

  expect(histories).toEqual([])
  await page.goto(`/firms/${firm}/documents/${document.id}`)
  await page.locator('.box-bad').getByText(comment, { exact: true }).waitFor()
})

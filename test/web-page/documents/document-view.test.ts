import { expect, test } from 'vitest'

import { pageInBrowser } from '../../support/browser/page-scene.ts'
import { accountWithFirm, signInOn } from '../../support/browser/people-at-work.ts'
import { addVersion } from '../../support/browser/reviewers.ts'
import { visit } from '../../support/browser/visit.ts'
import { uploadDocument } from '../../support/documents/call-documents.ts'

const scene = pageInBrowser()

test('the history of a document that was opened many times says what happened to it', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const document = await uploadDocument(scene.service.url, firm, account)
  // More than a page of events that the view does not show.
  const address = `${scene.service.url}/api/v1/security-firms/${firm}/documents/${document.id}`
  for (let opened = 0; opened < 51; opened += 1) await (await fetch(address, { headers: account.headers })).text()
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, account, `/firms/${firm}/documents/${document.id}`)

  await page.locator('.history li', { hasText: 'Uploaded' }).waitFor()

  expect(await page.getByText('Nothing happened yet.').count()).toBe(0)
})

test('the question about an older version ends once it is in use again', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const document = await uploadDocument(scene.service.url, firm, account)
  await addVersion(scene.service, document, account)
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, account, `/firms/${firm}/documents/${document.id}`)
  await page.getByRole('button', { name: 'Use version 1 again' }).click()
  await page.getByRole('button', { name: 'Use this version again' }).click()
  await page.getByText('Version 1 is in use again, as version 3.').waitFor()

  await page.getByRole('button', { name: 'Use version 1 again' }).waitFor()
  expect(await page.getByText('A copy of it becomes the newest version').count()).toBe(0)
})

import { expect, test } from 'vitest'

import { findBarriers } from '../../support/browser/check-accessibility.ts'
import { pageInBrowser } from '../../support/browser/page-scene.ts'
import { accountWithFirm, signInOn } from '../../support/browser/people-at-work.ts'
import { visit } from '../../support/browser/visit.ts'
import { uploadDocument } from '../../support/documents/call-documents.ts'

const scene = pageInBrowser()

test('an undo that did not reach the service says so, and can be pressed again', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const document = await uploadDocument(scene.service.url, firm, account)
  const page = await visit(scene, { size: 'phone', expects: ['Failed to load resource'] })
  await signInOn(page, account, `/firms/${firm}/documents/${document.id}`)
  await page.getByRole('button', { name: 'Delete' }).click()
  const notice = page.locator('.notice')
  await notice.getByText(`${document.file_name} is deleted.`).waitFor()
  await page.route('**/restore', (route) => route.abort())
  await notice.getByRole('button', { name: 'Undo' }).click()
  await notice.getByText('connection', { exact: false }).waitFor()

  expect(await findBarriers(page)).toEqual([])
  await page.unroute('**/restore')
  await notice.getByRole('button', { name: 'Undo' }).click()
  await page.getByText('This document is deleted.').waitFor({ state: 'detached' })
  expect(await notice.count()).toBe(0)
})

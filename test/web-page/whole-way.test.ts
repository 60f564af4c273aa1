import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'

import { takePhoto } from '../../demo/take-photo.ts'
import { pageInBrowser } from '../support/browser/page-scene.ts'
import { accountWithFirm, openDone, review, signInOn } from '../support/browser/people-at-work.ts'
import { previewShows, reviewerAccount } from '../support/browser/reviewers.ts'
import { throttle, weakLine } from '../support/browser/throttle.ts'
import { killTab } from '../support/browser/uploads-on-page.ts'
import { visit } from '../support/browser/visit.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { makeTextPdf } from '../support/files/make-text-pdf.ts'
import { queryWith } from '../support/blobs/query.ts'

const scene = pageInBrowser()

const cardOf = (page: Page, type: string) => page.getByRole('listitem').filter({ hasText: type })

test('a photographed and a corrected document are accepted, over a weak line and with the tab killed once', async () => {
  const { service } = scene
  const { account, firm } = await accountWithFirm(service)
  const old = await uploadDocument(service.url, firm, account, {
    type: 'proof_of_address',
    fileName: 'old account.pdf',
  })
  await review(service, old, { decision: 'reject', reason_code: 'outdated', comment: 'This one is from January.' })
  const phone = await visit(scene, { size: 'phone' })
  await throttle(phone, weakLine)
  await signInOn(phone, account)
  await phone.getByText('This one is from January.').first().waitFor()

  // Two pages, then the phone ends the tab; the third page and the upload are from the next one.
  await takePhoto(phone, { button: 'Take photos of Identity document', page: 1, of: 3 })
  await takePhoto(phone, { button: 'Take a photo of the next page', page: 2, of: 3 })
  await phone
    .getByRole('button', { name: 'Continue with 2 pages', includeHidden: true })
    .first()
    .waitFor({ state: 'attached' })
  await killTab(phone)
  const next = await phone.context().newPage()
  await throttle(next, weakLine)
  await next.goto('/')
  await next.getByRole('button', { name: 'Continue with 2 pages of Identity document' }).first().click()
  await takePhoto(next, { button: 'Take a photo of the next page', page: 3, of: 3 })
  await next.getByRole('button', { name: /^Upload 3 pages/ }).click()
  await cardOf(next, 'Identity document').getByText('In review').first().waitFor()

  const chooser = next.waitForEvent('filechooser')
  await next
    .getByRole('button', { name: /newer version of Proof of address|Choose a file for Proof of address/ })
    .first()
    .click()
  await (
    await chooser
  ).setFiles([
    { name: 'account of November.pdf', mimeType: 'application/pdf', buffer: makeTextPdf(['Account of November']) },
  ])
  await openDone(next)
  await cardOf(next, 'Proof of address').getByText('In review').first().waitFor()

  const desk = await visit(scene, { size: 'desktop' })
  await signInOn(desk, await reviewerAccount(service), '/review')
  await desk.getByText('account of November.pdf').waitFor()
  await desk.keyboard.press('n')
  for (const document of await newestVersions(firm)) {
    await previewShows(desk, document)
    await desk.keyboard.press('a')
  }
  await desk.getByText('Nothing waits for you').waitFor()

  await next.reload()
  await openDone(next)
  for (const type of ['Identity document', 'Proof of address'])
    await cardOf(next, type).getByText('Accepted').first().waitFor()
  expect(new Set((await newestVersions(firm)).map(({ version }) => version))).toEqual(new Set([1, 2]))
}, 120_000)

/** The firm's documents with their newest version, the longest waiting first. */
async function newestVersions(firm: string): Promise<{ id: string; version: number }[]> {
  return queryWith(scene.service.app.db)<{ id: string; version: number }>(
    `select d.id, d.current_version as version from documents d
      join document_versions v on v.document_id = d.id and v.version = d.current_version
      where d.firm_id = $1 order by v.uploaded_at`,
    [firm],
  )
}

import { sql } from 'kysely'
import { expect, test } from 'vitest'

import { findBarriers } from '../../support/browser/check-accessibility.ts'
import { pageInBrowser } from '../../support/browser/page-scene.ts'
import { accountWithFirm, review, signInOn } from '../../support/browser/people-at-work.ts'
import { addVersion, openDesk, previewShows, reviewerAccount, statesOf } from '../../support/browser/reviewers.ts'
import { visit } from '../../support/browser/visit.ts'
import { uploadDocument } from '../../support/documents/call-documents.ts'
import { makePng } from '../../support/files/make-files.ts'
import { makeTextPdf } from '../../support/files/make-text-pdf.ts'

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
  await signInOn(page, reviewer)
  await page.getByText('tax.pdf').waitFor()
  expect(new URL(page.url()).pathname).toBe('/review')

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

  expect(await statesOf(scene.service, firm, account)).toMatchObject({
    tax_clearance: ['verified', null],
    identity_document: ['rejected', 'unreadable'],
    bank_statement: ['verified', null],
  })
})

test('undo brings the last document back, and the other decision counts', async () => {
  const { account, firm, document, page } = await openDesk(scene)

  await page.keyboard.press('a')
  await page.getByText('Accepted: licence.pdf').waitFor()
  await page.getByText('Nothing waits for you').waitFor()
  await page.keyboard.press('u')
  await previewShows(page, document)
  await page.getByText('This version is accepted, until you decide again.').waitFor()
  await page.getByText('A decided document does not go back into the queue.').waitFor()
  await page.keyboard.press('r')
  await page.keyboard.press('Enter')
  await page.getByText('Choose a reason first.').waitFor()
  expect(await page.getByRole('textbox').count()).toBe(1)
  await page.keyboard.press('3')
  await page.keyboard.press('Enter')
  await page.getByText('Rejected: licence.pdf').waitFor()

  expect(await statesOf(scene.service, firm, account)).toMatchObject({ tax_clearance: ['rejected', 'incomplete'] })
  await page.getByRole('button', { name: 'Change it' }).click()
  await page.getByText('This version is rejected, until you decide again.').waitFor()
})

test('a key does not decide on a document that is not in sight yet', async () => {
  const { account, firm, document, page } = await openDesk(scene)
  const gate = Promise.withResolvers<void>()
  await page.route('**/download?*', async (route) => {
    await gate.promise
    await route.continue()
  })
  await page.reload()
  await page.getByRole('button', { name: 'Accept' }).waitFor()

  await page.keyboard.press('a')
  await page.getByText('Wait until the document is shown').waitFor()
  gate.resolve()
  await previewShows(page, document)
  expect(await statesOf(scene.service, firm, account)).toMatchObject({ tax_clearance: ['pending', null] })

  await page.keyboard.press('a')
  await page.getByText('Accepted: licence.pdf').waitFor()
})

test('the queue marks what was skipped, and its figures follow the filter', async () => {
  const { account, firm, document, page } = await openDesk(scene)
  const bank = await uploadDocument(scene.service.url, firm, account, { type: 'bank_statement' })
  await page.reload()
  await previewShows(page, document)
  await page.keyboard.press('n')
  await previewShows(page, bank)
  await page.getByRole('link', { name: 'Queue' }).click()
  const skipped = page.getByRole('listitem').filter({ hasText: 'licence.pdf' })
  await skipped.getByText('Skipped by you').waitFor()
  const waiting = page.locator('.figures div').filter({ hasText: 'Waiting' })
  await page.getByLabel('Type', { exact: true }).selectOption('bank_statement')
  await waiting.getByText('1', { exact: true }).waitFor()
  await page.keyboard.press('n')
  await previewShows(page, bank)
  await page.keyboard.press('a')
  await page.getByText(`Accepted: ${bank.file_name}`).waitFor()

  expect(await statesOf(scene.service, firm, account)).toMatchObject({
    tax_clearance: ['pending', null],
    bank_statement: ['verified', null],
  })
})

test('an insurance certificate is accepted only with the last day that it states', async () => {
  const { account, firm, document: certificate, page } = await openDesk(scene, { type: 'insurance_certificate' })
  const day = page.getByLabel('Valid until')
  expect(await day.inputValue()).toBe('')

  await page.keyboard.press('a')
  await page.getByText('Enter the last day that the document states.').waitFor()
  await page.locator('input[type="date"]:focus').waitFor()
  expect(await findBarriers(page)).toEqual([])
  expect(await statesOf(scene.service, firm, account)).toMatchObject({ insurance_certificate: ['pending', null] })

  await day.fill('2020-03-31')
  await day.press('Enter')
  await page.getByText('This day is past.').waitFor()
  await page.locator('input[type="date"]:focus').waitFor()

  await day.fill('2099-03-31')
  await day.press('Enter')
  await page.getByText(`Accepted: ${certificate.file_name}`).waitFor()
  expect(await statesOf(scene.service, firm, account)).toMatchObject({ insurance_certificate: ['verified', null] })
})

test('a version that was replaced while it was read is reported, and not decided on', async () => {
  const { account, firm, document, page } = await openDesk(scene, { expects: ['Failed to load resource'] })
  await addVersion(scene.service, document, account)

  await page.keyboard.press('a')
  await page.getByText('The document changed while you read it').waitFor()
  expect(await statesOf(scene.service, firm, account)).toMatchObject({ tax_clearance: ['pending', null] })
  await page.getByRole('button', { name: 'Show it as it is now' }).click()
  await previewShows(page, { ...document, version: 2 })
  await page.keyboard.press('a')
  await page.getByText('Accepted: newer.pdf').waitFor()
})

test('a decision of somebody else is reported when the reviewer comes back to the page', async () => {
  const { document, page } = await openDesk(scene, { expects: ['Failed to load resource'] })
  // The claim has ended meanwhile.
  await sql`update document_review_queue set claimed_by = null, claimed_until = null`.execute(scene.service.app.db)
  await review(scene.service, document, { decision: 'verify' })
  await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`)

  await page.getByText('The document changed while you read it').waitFor()
  await page.getByRole('button', { name: 'Show it as it is now' }).click()
  await page.getByText('This version is accepted, until you decide again.').waitFor()

  expect(await findBarriers(page)).toEqual([])
})

test('a reviewer comes from a firm’s document to its decision, and a filter keeps the focus', async () => {
  const { document, page } = await openDesk(scene)
  await page.goto(`/firms/${document.firm_id}/documents/${document.id}`)
  await page.getByRole('link', { name: 'Review this document' }).click()
  await previewShows(page, document)
  await page.getByRole('link', { name: 'Queue' }).click()
  const filter = page.getByLabel('Type', { exact: true })
  await filter.focus()
  await filter.selectOption('bank_statement')
  await page.getByText('Nothing waits for you').waitFor()

  expect(await filter.evaluate((field) => field.matches(':focus'))).toBe(true)
})

test('a document that another reviewer has claimed is named, and comes back once it is put back', async () => {
  const { document, page } = await openDesk(scene)
  const other = await visit(scene, { size: 'phone', expects: ['Failed to load resource'] })
  await signInOn(other, await reviewerAccount(scene.service), `/review/documents/${document.firm_id}/${document.id}`)
  await other.getByText('Thandi Nkosi has claimed this document').waitFor()
  expect(await findBarriers(other)).toEqual([])

  await page.getByRole('button', { name: 'Put back' }).click()
  await page.getByRole('heading', { name: 'Review', exact: true }).waitFor()
  await other.reload()
  await previewShows(other, document)
})

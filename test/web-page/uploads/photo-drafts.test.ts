import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'

import type { DocumentShape } from '../../../src/contract/documents.ts'
import { pageInBrowser } from '../../support/browser/page-scene.ts'
import { type Account, accountWithFirm, completeChecklist, signInOn } from '../../support/browser/people-at-work.ts'
import { type PickedFile, pickFiles, storedNames } from '../../support/browser/uploads-on-page.ts'
import { visit } from '../../support/browser/visit.ts'
import { callDocuments, uploadDocument } from '../../support/documents/call-documents.ts'
import { makePdf } from '../../support/files/make-files.ts'

const scene = pageInBrowser()

/** A photo of 12 million pixels, which takes a moment to scale. */
async function photos(page: Page, count: number): Promise<PickedFile[]> {
  const data = await page.evaluate<string>(`(() => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 4000, height: 3000 })
    const context = canvas.getContext('2d')
    Object.assign(context, { fillStyle: '#080' }).fillRect(0, 0, 4000, 3000)
    Object.assign(context, { fillStyle: '#fff', font: '900px sans-serif' }).fillText('page', 500, 1800)
    return canvas.toDataURL('image/jpeg', 0.9).split(',')[1]
  })()`)
  const buffer = Buffer.from(data, 'base64')
  return Array.from({ length: count }, (_, index) => ({ name: `IMG_${index}.jpg`, mimeType: 'image/jpeg', buffer }))
}

async function choose(page: Page, button: string, files: PickedFile[]): Promise<void> {
  const chooser = page.waitForEvent('filechooser')
  await page.getByRole('button', { name: button }).first().click()
  await (await chooser).setFiles(files)
}

async function documentsOf(firm: string, account: Account): Promise<DocumentShape[]> {
  const response = await callDocuments(scene.service.url, firm, account)
  return (await response.json()) as DocumentShape[]
}

const pdf = { name: 'first.pdf', mimeType: 'application/pdf', buffer: makePdf({ bytes: 5000 }) }

test('photos stay with the document that they were picked for when another upload for it ends meanwhile', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, account)
  const asked = page.locator('.box-next strong')
  const type = (await asked.textContent()) ?? ''
  // The PDF is uploaded at once. Its upload changes the next step, while the dialog of the photos is open.
  await pickFiles(page, type, [pdf, ...(await photos(page, 2))])
  await page.getByRole('heading', { name: `Photos of ${type}` }).waitFor()
  await page.getByText('first.pdf arrived.').waitFor()
  await page.getByRole('heading', { name: `Photos of ${type}` }).waitFor()
  await page.getByRole('button', { name: /^Upload 2 pages/ }).click()
  await page.getByText('2 of 2 uploaded').waitFor()

  const stored = await documentsOf(firm, account)
  expect(stored.map(({ mime_type: mimeType }) => mimeType)).toEqual(['application/pdf', 'application/pdf'])
  expect(new Set(stored.map((document) => document.document_type)).size).toBe(1)
  expect(stored[0]?.file_name.startsWith(type)).toBe(true)
})

test('the dialog of photos stays open when its card or the whole next step changes', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  await completeChecklist(scene.service, firm, account)
  const page = await visit(scene, { size: 'desktop' })
  await signInOn(page, account)
  const card = page.locator('.card', { has: page.getByRole('heading', { name: 'Bank statement' }) })
  await card.getByText('Optional', { exact: true }).waitFor()
  await pickFiles(page, 'Bank statement', [pdf, ...(await photos(page, 2))])
  await page.getByRole('button', { name: /^Upload 2 pages/ }).waitFor()
  await card.getByText('A reviewer checks it; you get a message.').first().waitFor()
  await page.getByRole('button', { name: /^Upload 2 pages/ }).click()
  await page.getByText('2 of 2 uploaded').waitFor()

  const types = (await documentsOf(firm, account)).map((document) => document.document_type)
  expect(types.filter((type) => type === 'bank_statement')).toHaveLength(2)
})

test('pages that were begun for a document are not offered for another one of the same type', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const type = 'identity_document'
  const one = await uploadDocument(scene.service.url, firm, account, { type })
  const two = await uploadDocument(scene.service.url, firm, account, { type, bytes: makePdf({ seed: 'two' }) })
  const page = await visit(scene, { size: 'desktop' })
  await signInOn(page, account, `/firms/${firm}/documents/${one.id}`)
  await page.getByRole('heading', { name: 'History' }).waitFor()
  await choose(page, 'Upload a newer version of Identity document', await photos(page, 2))
  await page.getByRole('button', { name: /^Upload 2 pages/ }).waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Continue with 2 pages of Identity document' }).waitFor()
  await page.goto(`/firms/${firm}/documents/${two.id}`)
  await page.getByRole('button', { name: 'Upload a newer version of Identity document' }).waitFor()
  await choose(page, 'Upload a newer version of Identity document', await photos(page, 3))
  await page.getByRole('button', { name: /^Upload 3 pages/ }).waitFor()
  await page.getByRole('button', { name: 'Discard' }).click()
  await page.goto(`/firms/${firm}/documents/${one.id}`)
  await page.getByRole('button', { name: 'Continue with 2 pages of Identity document' }).click()
  await page.getByRole('button', { name: /^Upload 2 pages/ }).click()
  await page.getByText('Version 2 (newest)').waitFor()

  const versions = new Map((await documentsOf(firm, account)).map(({ id, version }) => [id, version]))
  expect([versions.get(one.id), versions.get(two.id)]).toEqual([2, 1])
})

test('photos are not offered as separate files beside pages that would be lost', async () => {
  const { account } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'desktop' })
  await signInOn(page, account)
  await page.getByRole('heading', { name: 'Next step' }).waitFor()
  const separate = page.getByRole('button', { name: 'Upload 2 separate files' })
  await pickFiles(page, 'Identity document', await photos(page, 2))
  await page.getByRole('button', { name: /^Upload 2 pages/ }).waitFor()
  await separate.waitFor()
  await choose(page, 'Add photos', await photos(page, 1))
  await page.getByRole('button', { name: /^Upload 3 pages/ }).waitFor()
  const besideAdded = await separate.count()
  await page.getByRole('button', { name: 'Remove page 3' }).click()
  await page.getByRole('button', { name: /^Upload 2 pages/ }).waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Continue with 2 pages of Identity document' }).first().waitFor()
  await pickFiles(page, 'Identity document', await photos(page, 2))
  await page.getByRole('button', { name: /^Upload 4 pages/ }).waitFor()
  const besideBegun = await separate.count()
  await page.getByRole('button', { name: 'Discard' }).click()
  await pickFiles(page, 'Identity document', await photos(page, 2))
  await separate.waitFor()
  await page.getByRole('button', { name: 'Remove page 2' }).click()
  await page.getByRole('button', { name: /^Upload 1 page/ }).waitFor()

  expect([besideAdded, besideBegun, await separate.count()]).toEqual([0, 0, 0])
})

test('photos that are still being scaled when the dialog is closed become pages, also in a dialog opened meanwhile', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, account)
  await page.getByRole('heading', { name: 'Next step' }).waitFor()
  const eight = await photos(page, 8)
  await pickFiles(page, 'Identity document', eight)
  await page.getByText(/^Preparing/).waitFor()
  await page.keyboard.press('Escape')
  await page
    .getByRole('button', { name: /^Continue with \d pages? of Identity document/ })
    .first()
    .click()
  // On a slow machine the last photo may be ready by now.
  await page
    .getByText(/^Preparing/)
    .or(page.getByRole('button', { name: /^Upload 8 pages/ }))
    .first()
    .waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Continue with 8 pages of Identity document' }).first().waitFor()

  // Discarding stops what is being scaled.
  await pickFiles(page, 'Identity document', eight)
  await page.getByText(/^Preparing/).waitFor()
  await page.getByRole('button', { name: 'Discard' }).click()
  await page.getByRole('heading', { name: 'Photos of Identity document' }).waitFor({ state: 'detached' })
  await pickFiles(page, 'Identity document', eight.slice(0, 2))
  await page.getByRole('button', { name: /^Upload 2 pages/, disabled: false }).waitFor()
  expect(await storedNames(scene.service, firm)).toEqual([])
})

import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'

import { findBarriers, findSmallTargets } from '../../support/browser/check-accessibility.ts'
import { pageInBrowser } from '../../support/browser/page-scene.ts'
import { accountWithFirm, signInOn } from '../../support/browser/people-at-work.ts'
import { type PickedFile, storedNames } from '../../support/browser/uploads-on-page.ts'
import { visit } from '../../support/browser/visit.ts'
import { createFormats } from '../../../web/src/texts/formats.ts'
import { makeJpeg, makePdf } from '../../support/files/make-files.ts'

const scene = pageInBrowser()

const pdf = (name: string): PickedFile => ({
  name,
  mimeType: 'application/pdf',
  buffer: makePdf({ bytes: 5000, seed: name }),
})
const noPdf: PickedFile = { name: 'bank.pdf', mimeType: 'application/pdf', buffer: Buffer.from('no PDF at all') }
const film: PickedFile = { name: 'film.mp4', mimeType: 'video/mp4', buffer: Buffer.alloc(10) }

const cardOf = (page: Page, type: string) =>
  page.locator('.card', { has: page.getByRole('heading', { name: type, exact: true }) })

async function openChecklist(size: 'phone' | 'desktop', expects: string[] = []) {
  const { account, firm } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size, expects })
  await signInOn(page, account)
  await page.getByRole('heading', { name: 'Next step' }).waitFor()
  return { page, firm }
}

/** By keyboard, so that the button has the focus. */
async function pickIn(page: Page, place: ReturnType<Page['locator']>, files: PickedFile[]): Promise<void> {
  const chooser = page.waitForEvent('filechooser')
  await place.getByRole('button', { name: /^Choose a file|^Upload a newer version/ }).press('Enter')
  await (await chooser).setFiles(files)
}

const focused = (page: Page) => page.evaluate<string>('document.activeElement.textContent')

test.each(['phone', 'desktop'] as const)(
  'a rejected file is explained at the card where it was chosen, until another one is chosen there, on a %s',
  async (size) => {
    const { page } = await openChecklist(size, ['Failed to load resource'])
    const card = cardOf(page, 'Bank statement')
    const problem = card.getByRole('alert')
    await pickIn(page, card, [film])
    await problem.getByText('Choose PDF, JPEG or PNG.').waitFor()
    await pickIn(page, card, [noPdf])
    await problem.getByText('bank.pdf').waitFor()
    await problem.getByText('Allowed here').waitFor()
    const atProblem = await focused(page)
    const barriers = [...(await findBarriers(page)), ...(size === 'phone' ? await findSmallTargets(page) : [])]
    const explained = await page.getByRole('alert').allTextContents()
    await pickIn(page, card, [pdf('statement.pdf')])
    await card.getByText('statement.pdf arrived.').waitFor()

    expect(explained).toHaveLength(1)
    expect(explained[0]).not.toContain('film.mp4')
    expect(barriers).toEqual([])
    expect(atProblem).toContain('Allowed here')
    expect(await page.getByRole('alert').count()).toBe(0)
    // The button with the focus is gone.
    await card.getByRole('button', { name: 'Upload a newer version' }).waitFor()
    expect(await focused(page)).toBe('Bank statement')
  },
)

test('the next step stays at a document until the person goes on, so that a second tap files no other one', async () => {
  const { page } = await openChecklist('phone')
  const next = page.locator('.box-next')
  const asked = next.locator('strong')
  const first = await asked.textContent()
  await pickIn(page, next, [film])
  await next.getByRole('alert').getByText('film.mp4').waitFor()
  await pickIn(page, next, [pdf('identity.pdf')])
  await next.getByText('identity.pdf arrived.').waitFor()
  await page.getByText('Done (1)').waitFor()

  expect(await asked.textContent()).toBe(first)
  expect(await next.getByRole('button', { name: 'Choose a file' }).count()).toBe(0)
  expect(await focused(page)).toBe('Next step')
  expect([...(await findBarriers(page)), ...(await findSmallTargets(page))]).toEqual([])
  await next.getByRole('button', { name: 'Show the next step' }).press('Enter')
  await next.getByRole('button', { name: 'Choose a file' }).waitFor()
  expect(await asked.textContent()).not.toBe(first)
  expect(await focused(page)).toBe('Next step')
})

test('files that are not uploaded do not count as pending, and what ended does not follow to other views', async () => {
  const { page } = await openChecklist('desktop')
  const card = cardOf(page, 'Bank statement')
  await pickIn(page, cardOf(page, 'Proof of address'), [film])
  await pickIn(page, card, [pdf('one.pdf')])
  await card.getByText('one.pdf arrived.').waitFor()
  await pickIn(page, cardOf(page, 'Tax clearance'), [pdf('two.pdf')])
  await page.getByText('2 of 2 uploaded').waitFor()
  const bars = await page.locator('.uploads progress, .upload-list progress').count()
  await page.getByRole('link', { name: 'Documents', exact: true }).click()
  await page.getByText('1 file was not uploaded.').waitFor()
  const endedElsewhere = await page.getByText('2 of 2 uploaded').count()
  await page.getByRole('link', { name: 'See why in the checklist' }).click()
  await cardOf(page, 'Proof of address').getByRole('alert').getByText('film.mp4').waitFor()

  expect(bars).toBe(0)
  expect(endedElsewhere).toBe(0)
  expect(await page.getByText('arrived.').count()).toBe(0)
})

test('the focus stays at the card after photos are uploaded, and at the title after a document is deleted', async () => {
  const { page } = await openChecklist('desktop')
  const card = cardOf(page, 'Bank statement')
  const photos = ['one.jpg', 'two.jpg'].map((name) => ({
    name,
    mimeType: 'image/jpeg',
    buffer: makeJpeg({ seed: name }),
  }))
  await pickIn(page, card, photos)
  await page.getByRole('button', { name: /^Upload 2 pages/ }).press('Enter')
  await card.getByText('arrived.').waitFor()
  await card.getByRole('button', { name: 'Upload a newer version' }).waitFor()
  const afterPhotos = await focused(page)
  await card.getByRole('link', { name: 'Versions and history' }).click()
  await page.getByRole('heading', { name: 'History' }).waitFor()
  const title = await page.getByRole('heading', { level: 1 }).textContent()
  await page.getByRole('button', { name: 'Delete' }).press('Enter')
  await page.getByText('This document is deleted.').waitFor()
  await page.getByRole('button', { name: 'Restore', exact: true }).waitFor()

  expect(afterPhotos).toBe('Bank statement')
  await expect.poll(async () => await focused(page)).toBe(title)
})

test('several files that become several documents are asked about before a byte is sent', async () => {
  const { page, firm } = await openChecklist('phone')
  const card = cardOf(page, 'Bank statement')
  await pickIn(page, card, [pdf('one.pdf'), pdf('two.pdf')])
  await card.getByText('These 2 files become 2 documents of the type').waitFor()
  const barriers = [...(await findBarriers(page)), ...(await findSmallTargets(page))]
  await card.getByRole('button', { name: 'Cancel' }).click()
  await pickIn(page, card, [pdf('one.pdf'), pdf('two.pdf')])
  const stored = await storedNames(scene.service, firm)
  await card.getByRole('button', { name: 'Upload 2 documents' }).press('Enter')
  await card.getByText('two.pdf arrived.').waitFor()

  expect(barriers).toEqual([])
  expect(stored).toEqual([])
  await card.getByRole('link', { name: 'All 2 documents of this type' }).waitFor()
})

test('a file that the firm has already is linked where it is', async () => {
  const { page } = await openChecklist('desktop')
  const file = pdf('electricity.pdf')
  await pickIn(page, cardOf(page, 'Proof of address'), [file])
  await page.getByText('electricity.pdf arrived.').waitFor()
  await pickIn(page, cardOf(page, 'Bank statement'), [{ ...file, name: 'statement.pdf' }])
  const day = createFormats('en-ZA').date(new Date())
  await page.getByText(`Your firm has uploaded this file before, on ${day}; statement.pdf is a second copy.`).waitFor()
  await page.getByText('(Proof of address)').waitFor()
  await page.getByRole('link', { name: 'electricity.pdf' }).click()

  await page.getByRole('heading', { level: 1, name: 'electricity.pdf' }).waitFor()
})

test('also a file that is sent in pieces is linked to its copy', async () => {
  const { page } = await openChecklist('phone')
  const big = { ...pdf('scan.pdf'), buffer: makePdf({ bytes: 6 * 1024 * 1024, seed: 'scan' }) }
  await pickIn(page, cardOf(page, 'Proof of address'), [big])
  await page.getByText('scan.pdf arrived.').waitFor()
  await pickIn(page, cardOf(page, 'Bank statement'), [{ ...big, name: 'statement.pdf' }])
  await page.getByText('Your firm has uploaded this file before').waitFor()
  await page.getByRole('link', { name: 'scan.pdf' }).click()

  await page.getByRole('heading', { level: 1, name: 'scan.pdf' }).waitFor()
  expect(await page.getByText('Proof of address').count()).toBeGreaterThan(0)
})

test('files that wait for an answer are asked about together with one that is chosen afterwards', async () => {
  const { page, firm } = await openChecklist('desktop')
  const card = cardOf(page, 'Bank statement')
  await pickIn(page, card, [pdf('one.pdf'), pdf('two.pdf')])
  await card.getByRole('button', { name: 'Upload 2 documents' }).waitFor()
  await pickIn(page, card, [pdf('three.pdf')])
  await card.getByText('one.pdf · two.pdf · three.pdf').waitFor()
  await card.getByRole('button', { name: 'Upload 3 documents' }).click()
  await card.getByRole('button', { name: 'Upload a newer version' }).waitFor()
  await page.getByText('3 of 3 uploaded').waitFor()

  expect(await storedNames(scene.service, firm)).toEqual(['one.pdf', 'three.pdf', 'two.pdf'])
})

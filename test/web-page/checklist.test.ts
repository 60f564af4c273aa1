import { expect, test } from 'vitest'

import { findBarriers, findSmallTargets } from '../support/browser/check-accessibility.ts'
import { pageInBrowser } from '../support/browser/page-scene.ts'
import { accountWithFirm, completeChecklist, openDone, review, signInOn } from '../support/browser/people-at-work.ts'
import { addVersion } from '../support/browser/reviewers.ts'
import { visit } from '../support/browser/visit.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { findFaults } from './operator/administrator.ts'

const scene = pageInBrowser()

/** A day in so many days, as in 2027-03-31 and as the page writes it. */
function dayIn(days: number): { day: string; shown: string } {
  const date = new Date(Date.now() + days * 24 * 60 * 60 * 1000)
  const shown = new Intl.DateTimeFormat('en-ZA', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' })
  return { day: date.toISOString().slice(0, 10), shown: shown.format(date) }
}

test.each([
  ['phone', 'light'],
  ['phone', 'dark'],
  ['desktop', 'light'],
] as const)(
  'everything that is left to do is linked, and what follows is said, on a %s in %s',
  async (size, scheme) => {
    const { account, firm } = await accountWithFirm(scene.service)
    const first = await uploadDocument(scene.service.url, firm, account, { type: 'identity_document' })
    await review(scene.service, first, { decision: 'reject', reason_code: 'unreadable' })
    const page = await visit(scene, { size, colorScheme: scheme })
    await signInOn(page, account)
    await page.getByText(/^\d+ things to do:/).waitFor()
    const left = page.locator('.done a')
    const names = await left.allTextContents()
    await left.last().press('Enter')

    expect(names[0]).toBe('Identity document')
    expect(await page.evaluate('document.activeElement.textContent')).toBe(names.at(-1))
    expect(await page.locator('.badge', { hasText: 'Missing' }).count()).toBe(names.length - 1)
    await page.getByText('Then the platform approves your firm.').waitFor()
    await page
      .locator('.card', { has: page.getByRole('heading', { name: 'Bank statement' }) })
      .getByText('Optional', { exact: true })
      .waitFor()
    expect([...(await findBarriers(page)), ...(size === 'phone' ? await findSmallTargets(page) : [])]).toEqual([])
    expect(await page.evaluate<boolean>('document.documentElement.scrollWidth > innerWidth')).toBe(false)
  },
)

test('a document that expires soon is accepted until that day, and one with a newer version in review says so', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const expiring = await uploadDocument(scene.service.url, firm, account, { type: 'identity_document' })
  const { day, shown } = dayIn(20)
  await review(scene.service, expiring, { decision: 'verify', valid_until: day })
  await completeChecklist(scene.service, firm, account)
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, account)
  const card = page.locator('.card', { has: page.getByRole('heading', { name: 'Identity document' }) })
  await card.getByText(`Accepted · expires on ${shown}`).waitFor()
  const isWide = await page.evaluate<boolean>('document.documentElement.scrollWidth > innerWidth')
  await addVersion(scene.service, expiring, account)
  await page.reload()
  await openDone(page)
  await card.getByText('is in review. You get a message').waitFor()

  expect(isWide).toBe(false)
  await card.getByRole('button', { name: 'Upload a newer version' }).waitFor()
  expect(await card.getByRole('button', { name: 'Choose a file' }).count()).toBe(0)
  await review(scene.service, { ...expiring, version: 2 }, { decision: 'reject', reason_code: 'unreadable' })
  await page.reload()
  await card.getByText('A newer version was rejected.').waitFor()
  expect(await findBarriers(page)).toEqual([])
})

test.each(['light', 'dark'] as const)(
  'on a phone what asks for nothing is one closed line, which a key opens, in %s',
  async (colorScheme) => {
    const { account, firm } = await accountWithFirm(scene.service)
    const waiting = await uploadDocument(scene.service.url, firm, account, { type: 'identity_document' })
    const accepted = await uploadDocument(scene.service.url, firm, account, { type: 'proof_of_address' })
    await review(scene.service, accepted, { decision: 'verify', valid_until: '2099-01-31' })
    const page = await visit(scene, { size: 'phone', colorScheme })
    await signInOn(page, account)
    const summary = page.getByText('Done (2): accepted or in review')
    await summary.waitFor()
    const cards = () => page.locator('.card:visible h3').allTextContents()

    expect(await cards()).not.toContain('Identity document')
    expect(await findFaults(page)).toEqual([])
    await summary.focus()
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'Versions and history of Proof of address' }).waitFor()
    expect(await cards()).toEqual(expect.arrayContaining(['Identity document', 'Proof of address']))
    expect(await findFaults(page)).toEqual([])
    await page.getByRole('link', { name: 'Versions and history of Identity document' }).press('Enter')
    await page.waitForURL(`**/documents/${waiting.id}`)
  },
)

test('a newer version that failed is not in the closed line of a phone', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  await uploadDocument(scene.service.url, firm, account, { type: 'identity_document' })
  const page = await visit(scene, { size: 'phone', expects: ['Failed to load resource'] })
  await signInOn(page, account)
  await openDone(page)
  const chooser = page.waitForEvent('filechooser')
  await page.getByRole('button', { name: 'Upload a newer version of Identity document' }).click()
  await (await chooser).setFiles([{ name: 'newer.pdf', mimeType: 'application/pdf', buffer: Buffer.from('no PDF') }])
  await page.getByText('Not uploaded').first().waitFor()
  await page.getByRole('link', { name: 'Documents', exact: true }).click()
  await page.getByRole('heading', { name: 'Documents', level: 1 }).waitFor()
  await page.getByRole('link', { name: 'Checklist', exact: true }).click()

  await page.getByText('newer.pdf').waitFor()
  expect(await page.getByText('Done (1)').count()).toBe(0)
})

test('on a computer what asks for nothing is shown below what is left to do', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  await uploadDocument(scene.service.url, firm, account, { type: 'identity_document' })
  const page = await visit(scene, { size: 'desktop' })
  await signInOn(page, account)
  await page.getByText('Done (1)').waitFor()
  const required = page.locator('section', { has: page.getByRole('heading', { name: 'Required documents' }) })

  expect((await required.locator('.card:visible h3').allTextContents()).at(-1)).toBe('Identity document')
  expect(await findFaults(page)).toEqual([])
})

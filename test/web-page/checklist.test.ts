import { expect, test } from 'vitest'

import { findBarriers, findSmallTargets } from '../support/browser/check-accessibility.ts'
import { pageInBrowser } from '../support/browser/page-scene.ts'
import { accountWithFirm, completeChecklist, review, signInOn } from '../support/browser/people-at-work.ts'
import { addVersion } from '../support/browser/reviewers.ts'
import { visit } from '../support/browser/visit.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'

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
  await card.getByText('is in review. You get a message').waitFor()

  expect(isWide).toBe(false)
  await card.getByRole('button', { name: 'Upload a newer version' }).waitFor()
  expect(await card.getByRole('button', { name: 'Choose a file' }).count()).toBe(0)
  await review(scene.service, { ...expiring, version: 2 }, { decision: 'reject', reason_code: 'unreadable' })
  await page.reload()
  await card.getByText('A newer version was rejected.').waitFor()
  expect(await findBarriers(page)).toEqual([])
})

import { expect, test } from 'vitest'

import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { pageInBrowser } from '../../support/browser/page-scene.ts'
import { accountWithFirm, signInOn } from '../../support/browser/people-at-work.ts'
import { visit } from '../../support/browser/visit.ts'
import { findFaults, openAdministration } from './administrator.ts'
import { administratorAccount } from '../../support/browser/reviewers.ts'

const scene = pageInBrowser()
const unanswered = 'Failed to load resource'

async function isLocked(firm: FirmId): Promise<boolean> {
  const query = scene.service.app.db.selectFrom('security_firms').select('is_locked').where('id', '=', firm)
  return (await query.executeTakeFirstOrThrow()).is_locked
}

test('a firm is found by words, and locked and unlocked after a question', async () => {
  const { firm } = await accountWithFirm(scene.service)
  const page = await openAdministration(scene, '/admin/firms', { size: 'phone', colorScheme: 'light' })
  await page.getByLabel('Search by name').fill(`umkhonto ${firm}`)
  await expect.poll(() => page.locator('.operator-list li').count()).toBe(1)
  expect(new URL(page.url()).searchParams.get('words')).toBe(`umkhonto ${firm}`)
  await page.getByRole('link', { name: 'Umkhonto Guarding' }).click()
  await page.getByRole('button', { name: 'Lock the firm' }).click()
  await page.getByText('Its members can then only read').waitFor()
  expect(await findFaults(page)).toEqual([])
  expect(await isLocked(firm)).toBe(false)
  await page.getByRole('button', { name: 'Lock the firm' }).click()
  await page.getByText('The firm is locked.', { exact: true }).waitFor()
  expect(await isLocked(firm)).toBe(true)
  await page.getByRole('button', { name: 'Unlock the firm' }).click()
  await page.getByRole('button', { name: 'Unlock the firm' }).click()
  await page.getByText('The firm is unlocked.').waitFor()

  expect(await isLocked(firm)).toBe(false)
})

test('a search without a match says so', async () => {
  await accountWithFirm(scene.service)
  const page = await openAdministration(scene, '/admin/firms?words=no+such+firm')
  await page.getByText('No firm has these words').waitFor()

  expect(await findFaults(page)).toEqual([])
})

test('a legal hold is set with a reason, and lifted by another administrator only', async () => {
  const { firm } = await accountWithFirm(scene.service)
  const administrator = await administratorAccount(scene.service)
  const page = await visit(scene, { size: 'desktop', expects: [unanswered] })
  await signInOn(page, administrator, `/admin/firms/${firm}`)
  await page.getByLabel('Reason').fill('Court order 12/2026')
  await page.getByRole('button', { name: 'Set the hold' }).click()
  await page.getByText('The legal hold is set.').waitFor()
  await page.getByText('Court order 12/2026').waitFor()
  await page.getByRole('button', { name: 'Lift the hold' }).click()
  await page.getByRole('button', { name: 'Lift the hold' }).click()
  await page.getByRole('alert').waitFor()

  expect(await page.getByRole('alert').textContent()).toMatch(/give this number: /)
  expect(await findFaults(page)).toEqual([])
  const other = await openAdministration(scene, `/admin/firms/${firm}`)
  await other.getByRole('button', { name: 'Lift the hold' }).click()
  await other.getByRole('button', { name: 'Lift the hold' }).click()
  await other.getByText('The legal hold is lifted.').waitFor()
})

test('a quota is saved, and a wrong one is explained at its field', async () => {
  const { firm } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone', expects: [unanswered] })
  await signInOn(page, await administratorAccount(scene.service), `/admin/firms/${firm}`)
  await page.getByLabel('Number of documents').fill('many')
  await page.getByRole('button', { name: 'Save the quota' }).click()
  await page.locator('[aria-invalid="true"]').waitFor()
  expect(await findFaults(page)).toEqual([])
  await page.getByLabel('GB').fill('1,5')
  await page.getByLabel('Number of documents').fill('300')
  await page.getByRole('button', { name: 'Save the quota' }).click()
  await page.getByText('The quota is saved.').waitFor()

  expect(await page.locator('.facts').textContent()).toMatch(/of 1,5\sGB.*of 300/)
})

test('the proof of a document type is changed, and firms read it', async () => {
  const page = await openAdministration(scene, '/admin/types')
  await page.getByRole('link', { name: 'Identity document' }).click()
  await page.getByLabel('What counts as proof').fill('A green ID book or a smart ID card.\nBoth sides, in colour.')
  await page.getByLabel('Text for unreadable').fill('We cannot read it.')
  expect(await findFaults(page)).toEqual([])
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('The document type is saved.').waitFor()

  const { account } = await accountWithFirm(scene.service)
  const answer = await fetch(`${scene.origin}/api/v1/document-types/identity_document`, { headers: account.headers })
  expect(await answer.json()).toMatchObject({
    proof: 'A green ID book or a smart ID card.\nBoth sides, in colour.',
    is_required: true,
    confidential: true,
    allowed_types: null,
    reject_reasons: expect.arrayContaining([{ code: 'unreadable', text: 'We cannot read it.', is_final: false }]),
  })
})

test('a new document type is added, and a code that is taken is explained', async () => {
  const page = await visit(scene, { size: 'phone', expects: [unanswered] })
  await signInOn(page, await administratorAccount(scene.service), '/admin/types/new')
  await page.getByLabel('Code').fill('identity_document')
  await page.getByLabel('Name').fill('Fire safety certificate')
  await page.getByLabel('Largest file in MB').fill('2')
  await page.getByRole('button', { name: 'Add a document type' }).click()
  await page.getByRole('alert').waitFor()
  expect(await findFaults(page)).toEqual([])
  await page.getByLabel('Code').fill('fire_safety_certificate')
  await page.getByRole('button', { name: 'Add a document type' }).click()
  await page.getByRole('link', { name: 'Fire safety certificate' }).waitFor()

  expect(new URL(page.url()).pathname).toBe('/admin/types')
})

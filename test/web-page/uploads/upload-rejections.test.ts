import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'

import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { findBarriers, findSmallTargets } from '../../support/browser/check-accessibility.ts'
import { pageInBrowser } from '../../support/browser/page-scene.ts'
import { accountWithFirm, signInOn } from '../../support/browser/people-at-work.ts'
import { limitUpload, pickFiles, storedNames } from '../../support/browser/uploads-on-page.ts'
import { type Size, visit } from '../../support/browser/visit.ts'
import { uploadDocument } from '../../support/documents/call-documents.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { makePerson } from '../../support/people/people.ts'

const scene = pageInBrowser({ MAX_UPLOAD_BYTES: '3000000' })

const pdf = (name: string, bytes = 5000) => ({
  name,
  mimeType: 'application/pdf',
  buffer: makePdf({ bytes, seed: name }),
})

async function setQuota(firm: FirmId, documents: number): Promise<void> {
  const admin = await makePerson(scene.service.app, { role: 'admin' })
  const response = await fetch(`${scene.service.url}/api/v1/security-firms/${firm}`, {
    method: 'PATCH',
    headers: { ...admin.headers, 'content-type': 'application/json' },
    body: JSON.stringify({ quota: { documents } }),
  })
  if (response.status !== 200) throw new Error(await response.text())
}

function noteUploads(page: Page): string[] {
  const uploads: string[] = []
  page.on('request', (request) => {
    if (request.method() === 'POST' && /\/(documents|uploads|versions)/.test(request.url())) uploads.push(request.url())
  })
  return uploads
}

test('a file that cannot be accepted is explained before a byte is sent', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone' })
  const uploads = noteUploads(page)
  await signInOn(page, account)
  await page.getByText('at most 2,9 MB').first().waitFor()
  const empty = { name: 'empty.pdf', mimeType: 'application/pdf', buffer: Buffer.alloc(0) }
  const film = { name: '<img src=x onerror=alert(1)>.mp4', mimeType: 'video/mp4', buffer: Buffer.alloc(10) }
  await pickFiles(page, 'Identity document', [pdf('large.pdf', 3_000_001), empty, film], false)
  await page.getByText('at most 2,9 MB is accepted').waitFor()
  await page.getByText('The file is empty. Choose another one.').waitFor()
  await page.getByText('This kind of file is not accepted here. Choose PDF, JPEG or PNG.').waitFor()

  expect(await page.locator('.upload-name').allTextContents()).toEqual(['large.pdf', 'empty.pdf', film.name])
  expect(await page.locator('main img').count()).toBe(0)
  await uploadDocument(scene.service.url, firm, account, { type: 'bank_statement' })
  await setQuota(firm, 1)
  await page.reload()
  await page.getByRole('heading', { name: 'Next step' }).waitFor()
  await pickFiles(page, 'Identity document', [pdf('one too many.pdf')])
  await page.getByText('Your firm has as many documents as it may have (1)').waitFor()
  expect(uploads).toEqual([])
})

test('a file that the service rejects can be tried again once the reason is gone', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'desktop', expects: ['Failed to load resource'] })
  await signInOn(page, account)
  await page.getByRole('heading', { name: 'Next step' }).waitFor()
  await uploadDocument(scene.service.url, firm, account, { type: 'bank_statement' })
  await setQuota(firm, 1)
  await pickFiles(page, 'Identity document', [pdf('second.pdf')])
  await page.getByText('Not uploaded', { exact: true }).waitFor()
  await page.reload()
  await page.getByText('Not uploaded', { exact: true }).waitFor()
  expect(await storedNames(scene.service, firm)).toEqual(['licence.pdf'])
  await setQuota(firm, 2)
  await page.getByRole('button', { name: 'Try again: second.pdf' }).click()
  await page.getByText('arrived.').waitFor()

  expect(await storedNames(scene.service, firm)).toEqual(['licence.pdf', 'second.pdf'])
})

test.each<[Size, 'light' | 'dark']>([
  ['phone', 'light'],
  ['phone', 'dark'],
  ['desktop', 'light'],
  ['desktop', 'dark'],
])('axe finds nothing on uploads in every state, on a %s in %s', async (size, colorScheme) => {
  const { account } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size, colorScheme })
  await signInOn(page, account)
  await page.getByRole('heading', { name: 'Next step' }).waitFor()
  await limitUpload(page, 20_000)
  const names = ['first.pdf', 'second.pdf', 'paused.pdf', 'cancelled.pdf', 'waiting.pdf']
  await pickFiles(page, 'Identity document', [...names.map((name) => pdf(name, 900_000)), pdf('large.pdf', 3_000_001)])
  await page.getByRole('button', { name: 'Pause: paused.pdf' }).click()
  await page.getByRole('button', { name: 'Cancel: cancelled.pdf' }).click()
  await page.getByText('Cancelled', { exact: true }).waitFor()
  const states = await page.locator('.upload-state').allTextContents()
  const small = size === 'phone' ? await findSmallTargets(page) : []

  expect([...(await findBarriers(page)), ...small]).toEqual([])
  expect(states.filter((state) => state.endsWith(' sent'))).toHaveLength(2)
  for (const state of ['Paused', 'Cancelled', 'Waiting', 'Not uploaded']) expect(states).toContain(state)
  expect(await page.evaluate<boolean>('document.documentElement.scrollWidth > innerWidth')).toBe(false)
})

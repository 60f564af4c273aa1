import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'

import { findHardCoded } from '../support/browser/hard-coded-texts.ts'
import { pageInBrowser } from '../support/browser/page-scene.ts'
import { type Account, accountWithFirm, completeChecklist, review } from '../support/browser/people-at-work.ts'
import { visit } from '../support/browser/visit.ts'
import { makeJpeg } from '../support/files/make-files.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'

const scene = pageInBrowser()

const photo = (name: string) => ({ name, mimeType: 'image/jpeg', buffer: makeJpeg({ seed: name }) })

async function settle(page: Page): Promise<void> {
  await page.locator('h1').first().waitFor()
  await page.waitForLoadState('networkidle')
}

async function hardCodedAt(page: Page, path: string): Promise<string[]> {
  await page.goto(path)
  await settle(page)
  // The page loads its session again after each change of the address.
  await page.locator('[aria-busy="true"]').waitFor({ state: 'detached' })
  const found = await page.evaluate<string[]>(findHardCoded)
  return found.map((text) => `${path}: ${text}`)
}

async function signIn(page: Page, { email, password }: Account): Promise<void> {
  await page.goto('/sign-in')
  await page.locator('input[name=email]').fill(email)
  await page.locator('input[name=password]').fill(password)
  await page.locator('button[type=submit]').click()
  await page.locator('.sections').waitFor()
}

test('no view has a text in its code: all are in the file of texts', async () => {
  const page = await visit(scene, { size: 'phone', language: 'pseudo' })
  const { account, firm } = await accountWithFirm(scene.service)
  const rejected = await uploadDocument(scene.service.url, firm, account, { type: 'identity_document' })
  await review(scene.service, rejected, { decision: 'reject', reason_code: 'unreadable' })
  const found: string[] = []
  const outside = ['/sign-in', '/register', '/forgot-password', '/reset-password#token=x', '/invitation', '/nowhere']
  for (const path of outside.slice(0, -1)) found.push(...(await hardCodedAt(page, path)))
  await signIn(page, account)
  const own = `/firms/${firm}`
  const inside = [
    '/firms',
    '/firms/register',
    '/account',
    '/messages',
    `${own}/checklist`,
    `${own}/documents`,
    '/firms/x/y/z',
  ]
  for (const path of [...inside, `${own}/documents/${rejected.id}`]) found.push(...(await hardCodedAt(page, path)))
  await page.locator('.history li').first().waitFor()
  found.push(...(await page.evaluate<string[]>(findHardCoded)))
  await page.goto(`${own}/checklist`)
  const picker = page.locator('.box-next input[type=file]').first()
  await picker.setInputFiles([photo('one.jpg'), photo('two.jpg')])
  await page.locator('.photo-page').nth(1).waitFor()
  found.push(...(await page.evaluate<string[]>(findHardCoded)))
  await page.keyboard.press('Escape')
  await picker.setInputFiles([{ name: 'film.mp4', mimeType: 'video/mp4', buffer: Buffer.alloc(9) }])
  await page.locator('.upload-failed').waitFor()
  found.push(...(await page.evaluate<string[]>(findHardCoded)))
  await completeChecklist(scene.service, firm, account)
  found.push(...(await hardCodedAt(page, `${own}/checklist`)))

  expect(found).toEqual([])
  expect(await page.locator('h1').textContent()).toMatch(/^⟦.*⟧$/)
})

test('a text that is in the code is found', async () => {
  const page = await visit(scene, { size: 'phone', language: 'pseudo' })
  await page.goto('/sign-in')
  await settle(page)
  await page.evaluate(`document.querySelector('h1').after('Hard-coded')`)

  expect(await page.evaluate<string[]>(findHardCoded)).toEqual(['Hard-coded'])
})

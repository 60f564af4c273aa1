import { readFile } from 'node:fs/promises'

import { expect, test } from 'vitest'

import { ensureReaders, readArchive } from '../exports/read-archive.ts'
import { findHardCoded } from '../support/browser/hard-coded-texts.ts'
import { pageInBrowser } from '../support/browser/page-scene.ts'
import { accountWithFirm, registerAccount, signInOn } from '../support/browser/people-at-work.ts'
import { visit } from '../support/browser/visit.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { addMember } from '../support/people/people.ts'
import { findFaults, type Look, looks } from './operator/administrator.ts'

const scene = pageInBrowser()
const button = 'Download all documents (ZIP)'

async function firmWithDocuments() {
  const { account, firm } = await accountWithFirm(scene.service)
  for (const type of ['bank_statement', 'tax_clearance'])
    await uploadDocument(scene.service.url, firm, account, { type, fileName: `${type}.pdf` })
  return { account, firm, path: `/firms/${firm}/documents` }
}

test.each<Look>(looks)('all documents of a firm are saved as one file, on a $size in $colorScheme', async (look) => {
  await ensureReaders()
  const { account, path } = await firmWithDocuments()
  const page = await visit(scene, look)
  await signInOn(page, account, path)
  await page.getByRole('button', { name: button }).click()
  await page.getByText('with every document that is not deleted').waitFor()
  expect(await findFaults(page)).toEqual([])
  const begins = page.waitForEvent('download')
  await page.getByRole('group', { name: button }).getByRole('button', { name: button }).click()
  const download = await begins
  await page.getByText('The download begins.').waitFor()
  expect(await findFaults(page)).toEqual([])

  // The browser saves it by a link: no script of the page has its bytes.
  expect(new URL(download.url()).pathname).toMatch(/^\/api\/v1\/archives\//)
  expect(download.suggestedFilename()).toMatch(/^Umkhonto Guarding documents .*\.zip$/)
  const { manifest } = await readArchive(await download.path())
  expect(manifest.map(({ name }) => name)).toEqual([
    'bank_statement/bank_statement.pdf',
    'tax_clearance/tax_clearance.pdf',
  ])
  expect((await readFile(await download.path())).length).toBeGreaterThan(1000)
})

test('who may not have the archive has no button, and who lost the right meanwhile reads why', async () => {
  const { account, firm, path } = await firmWithDocuments()
  const supervisor = await registerAccount(scene.service)
  await addMember(scene.service.app, firm, supervisor, { role: 'firm_supervisor' })
  const other = await visit(scene, { size: 'phone' })
  await signInOn(other, supervisor, path)
  await other.getByRole('link', { name: 'tax_clearance.pdf' }).waitFor()
  expect(await other.getByRole('button', { name: button }).count()).toBe(0)

  const page = await visit(scene, { size: 'phone', expects: ['Failed to load resource'] })
  await signInOn(page, account, path)
  await page.getByRole('button', { name: button }).waitFor()
  await scene.service.app.db
    .updateTable('firm_users')
    .set({ role: 'firm_user' })
    .where('user_id', '=', account.id)
    .execute()
  await page.getByRole('button', { name: button }).click()
  await page.getByRole('group', { name: button }).getByRole('button', { name: button }).click()
  await page.getByRole('alert').waitFor()

  expect(await findFaults(page)).toEqual([])
})

test('the archive has no text in its code', async () => {
  const { account, path } = await firmWithDocuments()
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, account, path)
  await page.getByRole('button', { name: button }).waitFor()
  await page.evaluate(`localStorage.setItem('paniq.language', 'pseudo')`)
  await page.reload()
  await page.locator('.archive button').click()
  await page.locator('.archive p').waitFor()

  expect(await page.evaluate<string[]>(findHardCoded)).toEqual([])
})

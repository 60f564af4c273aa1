import { sql } from 'kysely'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'

import type { DocumentShape } from '../../../src/contract/documents.ts'
import { pageInBrowser } from '../../support/browser/page-scene.ts'
import { addVersion, openDesk, previewShows, statesOf } from '../../support/browser/reviewers.ts'
import { uploadDocument } from '../../support/documents/call-documents.ts'
import { findFaults } from '../operator/administrator.ts'

const scene = pageInBrowser()

test('a decision that fails after the reviewer has pressed the key of the next document is reported', async () => {
  const { account, firm, document, page } = await openDesk(scene, { expects: ['Failed to load resource'] })
  await uploadDocument(scene.service.url, firm, account, { type: 'bank_statement' })
  await addVersion(scene.service, document, account)

  await whileDecides(page, document, () => pressAndSee(page, ['n', 'u']))

  await page.getByText('The document changed while you read it').waitFor()
  expect(page.url()).toContain(document.id)
  expect(await statesOf(scene.service, firm, account)).toMatchObject({ tax_clearance: ['pending', null] })
})

test('keys that are pressed before the answer to a decision claim no second document', async () => {
  const { account, firm, document, page, reviewer } = await openDesk(scene)
  for (const type of ['bank_statement', 'identity_document'])
    await uploadDocument(scene.service.url, firm, account, { type })

  await whileDecides(page, document, async () => {
    await pressAndSee(page, ['n'])
    expect(await page.getByRole('button', { name: 'Skip to the next' }).isDisabled()).toBe(true)
    expect(await page.getByRole('button', { name: 'Put back' }).isDisabled()).toBe(true)
  })

  await page.waitForURL((url) => !url.pathname.endsWith(document.id))
  await page.locator('[data-shown]').waitFor()
  expect(await claimedBy(reviewer)).toEqual([new URL(page.url()).pathname.split('/').at(-1)])
})

test('a reviewer who leaves by a link before the answer learns that the decision failed, and opens the document again', async () => {
  const { account, firm, document, page } = await openDesk(scene, { expects: ['Failed to load resource'] })
  await addVersion(scene.service, document, account)
  await whileDecides(page, document, () => leave(page))

  await page.getByText('Your decision was not stored:').waitFor()
  expect(new URL(page.url()).pathname).toBe('/account')
  expect(await findFaults(page)).toEqual([])
  await page.getByRole('button', { name: 'Open it again' }).click()
  await previewShows(page, { ...document, version: 2 })
  expect(await statesOf(scene.service, firm, account)).toMatchObject({ tax_clearance: ['pending', null] })
})

test('a decision that succeeds after its reviewer has left can be undone, and leads nowhere', async () => {
  const { account, firm, document, page, reviewer } = await openDesk(scene)
  await uploadDocument(scene.service.url, firm, account, { type: 'bank_statement' })
  await whileDecides(page, document, () => leave(page))

  await page.getByText(/^Accepted:/).waitFor()
  await page.waitForLoadState('networkidle')
  expect(new URL(page.url()).pathname).toBe('/account')
  expect(await claimedBy(reviewer)).toEqual([])
  await page.getByRole('button', { name: 'Change it' }).click()
  await page.waitForURL((url) => url.pathname.endsWith(document.id))
  await page.getByText('This version is accepted, until you decide again.').waitFor()
})

test('the browser asks before it closes a page whose decision is on its way', async () => {
  const { account, firm, document, page } = await openDesk(scene)
  await whileDecides(page, document, async () => {
    const asked = page.waitForEvent('dialog')
    await page.close({ runBeforeUnload: true })
    const dialog = await asked
    expect(dialog.type()).toBe('beforeunload')
    await dialog.dismiss()
  })

  await page.getByText(/^Accepted:/).waitFor()
  expect(await statesOf(scene.service, firm, account)).toMatchObject({ tax_clearance: ['verified', null] })
})

async function leave(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Account' }).click()
  await page.getByText('This session').waitFor()
}

async function claimedBy({ id }: { id: string }): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select document_id as id from document_review_queue where claimed_by = ${id}`.execute(scene.service.app.db)
  return rows.map((row) => row.id)
}

/** Accepts the document, and runs `work` while its row is locked, so that the service cannot answer for ten seconds. */
async function whileDecides(page: Page, document: DocumentShape, work: () => Promise<void>): Promise<void> {
  await scene.service.app.db.transaction().execute(async (trx) => {
    await sql`select from firm_documents where id = ${document.id} for update`.execute(trx)
    const sent = page.waitForRequest(/\/review$/)
    await page.keyboard.press('a')
    await sent
    await work()
  })
}

/** The page has dealt with the keys once it shows the help for the last one. */
async function pressAndSee(page: Page, keys: string[]): Promise<void> {
  for (const key of [...keys, '?']) await page.keyboard.press(key)
  await page.getByRole('heading', { name: 'Keys of the review' }).waitFor()
  await page.keyboard.press('Escape')
}

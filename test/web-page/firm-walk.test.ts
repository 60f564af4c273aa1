import { expect, test } from 'vitest'

import { findBarriers, findSmallTargets } from '../support/browser/check-accessibility.ts'
import { pageInBrowser } from '../support/browser/page-scene.ts'
import { accountWithFirm, completeChecklist, openDone, review, signInOn } from '../support/browser/people-at-work.ts'
import { type Size, visit } from '../support/browser/visit.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { makePdf } from '../support/files/make-files.ts'

const scene = pageInBrowser()

test.each<[Size, 'light' | 'dark']>([
  ['phone', 'light'],
  ['phone', 'dark'],
  ['desktop', 'light'],
  ['desktop', 'dark'],
])(
  'a new person registers a firm and uploads a document, on a %s in %s, and axe finds nothing',
  async (size, scheme) => {
    const page = await visit(scene, { size, colorScheme: scheme })
    const barriers: string[] = []
    const check = async (view: string) => {
      const small = size === 'phone' ? await findSmallTargets(page) : []
      barriers.push(...[...(await findBarriers(page)), ...small].map((each) => `${view}: ${each}`))
    }
    await page.goto('/')
    await page.getByRole('link', { name: 'Create an account' }).waitFor()
    await check('sign in')
    await page.getByRole('link', { name: 'Create an account' }).click()
    await page.getByLabel('First name').fill('Thandi')
    await page.getByLabel('Last name').fill('Nkosi')
    await page.getByLabel('E-mail address').fill(`${size}.${scheme}@bluecrane.example`)
    await page.getByRole('textbox', { name: 'Password' }).fill('wandering otter velvet 17')
    await check('register')
    await page.getByRole('button', { name: 'Create the account' }).click()
    await page.getByRole('link', { name: 'Register a firm' }).waitFor()
    await check('firms')
    await page.getByRole('link', { name: 'Register a firm' }).click()
    await page.getByLabel('Name of the firm').fill('Blue Crane <b>Security</b>')
    await page.getByLabel('Registration number').fill(`${size} ${scheme}`)
    await page.getByLabel('E-mail address of the firm').fill(`office.${size}.${scheme}@bluecrane.example`)
    await page.getByLabel('Phone').fill('+27 82 555 0101')
    await page.getByLabel('Street address').fill('12 Long Street, Cape Town')
    await check('register a firm')
    await page.getByRole('button', { name: 'Register the firm' }).click()
    await page.getByRole('heading', { name: 'Next step' }).waitFor()
    await check('checklist')

    const chooser = page.waitForEvent('filechooser')
    await page.getByRole('button', { name: 'Choose a file for Identity document' }).first().click()
    const file = { name: '<img src=x onerror=alert(1)>.pdf', mimeType: 'application/pdf', buffer: makePdf() }
    await (await chooser).setFiles(file)
    await page.getByText('arrived.').waitFor()
    await page.getByText('A reviewer checks it; you get a message.').first().waitFor()
    await check('checklist with an upload')
    if (size === 'phone') await openDone(page)
    await page.getByRole('link', { name: 'Versions and history of Identity document' }).click()
    await page.getByRole('heading', { name: 'History' }).waitFor()
    await page.locator('.history').getByText('Uploaded').waitFor()
    await check('document')

    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('<img src=x onerror=alert(1)>.pdf')
    expect(await page.locator('img').count()).toBe(0)
    await page.getByRole('link', { name: 'Documents', exact: true }).click()
    await page.getByRole('heading', { name: 'Documents', exact: true }).waitFor()
    await page.getByRole('link', { name: '<img src=x onerror=alert(1)>.pdf' }).waitFor()
    await check('documents')
    await page.getByRole('link', { name: 'Account' }).click()
    await page.getByRole('heading', { name: 'Account' }).waitFor()
    await check('account')
    const isWide = await page.evaluate<boolean>('document.documentElement.scrollWidth > innerWidth')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()

    expect(barriers).toEqual([])
    expect(isWide).toBe(false)
  },
)

test('a rejected document shows why, and a corrected one replaces it', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const document = await uploadDocument(scene.service.url, firm, account, { type: 'identity_document' })
  await review(scene.service, document, { decision: 'reject', reason_code: 'unreadable' })
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, account)

  await page.getByText('Upload a corrected version of this document:').waitFor()
  await page.getByText('It cannot be read').first().waitFor()
  expect(await findBarriers(page)).toEqual([])
  const chooser = page.waitForEvent('filechooser')
  await page.getByRole('button', { name: 'Choose a file for Identity document' }).first().click()
  await (await chooser).setFiles({ name: 'sharper.pdf', mimeType: 'application/pdf', buffer: makePdf({ bytes: 5000 }) })
  await page.getByText('A reviewer checks it; you get a message.').first().waitFor()
  await openDone(page)
  await page.getByRole('link', { name: 'Versions and history of Identity document' }).click()
  await page.getByText('Version 2 (newest)').waitFor()
  await page.getByRole('button', { name: 'Use version 1 again' }).click()
  await page.getByRole('button', { name: 'Use this version again' }).click()
  await page.getByText('Version 3 (newest)').waitFor()
  await page.getByText('Version 1 is in use again, as version 3.').waitFor()
  await page.locator('h1:focus').waitFor()
  const decided = page.locator('.history li', { hasText: 'Rejected · Version 1' })
  await decided.getByText('It cannot be read').waitFor()
  await decided.getByText('a reviewer').waitFor()
})

test('a deleted document is back after Undo', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const document = await uploadDocument(scene.service.url, firm, account, { type: 'identity_document' })
  const page = await visit(scene, { size: 'desktop' })
  await signInOn(page, account, `/firms/${firm}/documents/${document.id}`)

  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByText('This document is deleted.').waitFor()
  await page.getByRole('button', { name: 'Undo' }).click()
  await page.getByRole('button', { name: 'Delete' }).waitFor()
  const saved = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download', exact: true }).click()

  expect((await saved).suggestedFilename()).toBe('licence.pdf')
})

test('a complete checklist is submitted as an application', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  await completeChecklist(scene.service, firm, account)
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, account)

  await page.getByRole('heading', { name: 'All required documents are accepted' }).waitFor()
  await page.getByRole('button', { name: 'Submit the application' }).click()
  await page.getByRole('heading', { name: 'The application is submitted' }).waitFor()

  expect(await findBarriers(page)).toEqual([])
})

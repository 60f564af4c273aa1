import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'

import type { DocumentShape } from '../../src/contract/documents.ts'
import { messagesOf, passTime } from '../messages/call-messages.ts'
import { findHardCoded } from '../support/browser/hard-coded-texts.ts'
import { pageInBrowser } from '../support/browser/page-scene.ts'
import {
  type Account,
  accountWithFirm,
  completeChecklist,
  registerAccount,
  review,
  signInOn,
} from '../support/browser/people-at-work.ts'
import { administratorAccount } from '../support/browser/reviewers.ts'
import { visit } from '../support/browser/visit.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { findFaults, type Look, looks } from './operator/administrator.ts'

const scene = pageInBrowser()
const phone: Look = { size: 'phone', colorScheme: 'light' }

/** A firm whose administrator has so many messages about decisions. */
async function firmWithMessages(count: number): Promise<{ account: Account; document: DocumentShape }> {
  const { account, firm } = await accountWithFirm(scene.service)
  const document = await uploadDocument(scene.service.url, firm, account, { type: 'bee_certificate' })
  for (let each = 1; each <= count; each += 1) {
    await review(scene.service, document, { decision: 'reject', reason_code: 'unreadable', comment: `Page ${each}.` })
    await passTime(scene.service, 61)
  }
  return { account, document }
}

const linkOf = (page: Page, name: string) => page.getByRole('navigation').getByRole('link', { name, exact: true })

test.each<Look>(looks)('messages are found in the head, and read, on a $size in $colorScheme', async (look) => {
  const { account } = await firmWithMessages(2)
  const page = await visit(scene, look)
  await signInOn(page, account)
  await linkOf(page, 'Messages 2 unread').click()
  await page.getByRole('heading', { name: 'Messages', level: 1 }).waitFor()
  const newest = page.locator('.card').first()
  await newest.getByText('Unread').waitFor()
  expect(await findFaults(page)).toEqual([])
  await newest.getByRole('button', { name: /^Rejected: / }).click()
  await newest.getByText('Comment of the reviewer: “Page 2.”').waitFor()
  await newest.getByText('Unread').waitFor({ state: 'detached' })
  await linkOf(page, 'Messages 1 unread').waitFor()
  expect(await findFaults(page)).toEqual([])
  await page.getByRole('button', { name: 'Mark as read' }).click()
  await linkOf(page, 'Messages').waitFor()
  await page.reload()
  await page.locator('.card').nth(1).waitFor()

  expect(await page.getByText('Unread').count()).toBe(0)
  expect((await messagesOf(scene.service, account, '?unread')).length).toBe(0)
})

test('all messages are marked as read at once, also those that are not loaded yet', async () => {
  const { account } = await firmWithMessages(27)
  const page = await visit(scene, phone)
  await signInOn(page, account, '/messages')
  await page.getByRole('button', { name: 'Mark all as read' }).waitFor()
  expect(await findFaults(page)).toEqual([])
  await page.getByRole('button', { name: 'Mark all as read' }).press('Enter')
  await page.getByText('All messages are marked as read.').waitFor()
  await linkOf(page, 'Messages').waitFor()

  expect(await page.getByText('Unread').count()).toBe(0)
  expect(await messagesOf(scene.service, account, '?unread')).toEqual([])
  expect(await page.evaluate('document.activeElement.tagName')).toBe('H1')
})

test('a message that came after the list was loaded stays unread', async () => {
  const { account, document } = await firmWithMessages(2)
  const page = await visit(scene, phone)
  await signInOn(page, account, '/messages')
  await page.getByRole('button', { name: 'Mark all as read' }).waitFor()
  await review(scene.service, document, { decision: 'reject', reason_code: 'unreadable', comment: 'Page 3.' })
  await passTime(scene.service, 61)

  await page.getByRole('button', { name: 'Mark all as read' }).click()
  await linkOf(page, 'Messages 1 unread').waitFor()
  expect((await messagesOf(scene.service, account, '?unread')).length).toBe(1)
})

/** Opens the newest message and follows its link. */
async function followNewest(page: Page, link: string): Promise<string> {
  const newest = page.locator('.card').first()
  await newest.getByRole('button').first().click()
  await newest.getByRole('link', { name: link }).click()
  return new URL(page.url()).pathname
}

test('a message leads to the document that was decided on', async () => {
  const { account, document } = await firmWithMessages(1)
  const page = await visit(scene, phone)
  await signInOn(page, account, '/messages')

  const path = await followNewest(page, 'Open the document')

  expect(path).toBe(`/firms/${document.firm_id}/documents/${document.id}`)
  await page.getByRole('heading', { level: 1, name: document.file_name }).waitFor()
})

test('a message about an application leads administrators to it, and the firm to its checklist', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const administrator = await administratorAccount(scene.service)
  await completeChecklist(scene.service, firm, account)
  await send(account, 'POST', `${firm}/submit-application`)
  const page = await visit(scene, phone)
  await signInOn(page, administrator, '/messages')
  const submitted = await followNewest(page, 'Open the application')
  await page.getByRole('heading', { level: 1, name: 'Application' }).waitFor()
  await send(administrator, 'PUT', `${firm}/application/review`, { decision: 'reject', reason: 'Another address.' })
  const firmPage = await visit(scene, phone)
  await signInOn(firmPage, account, '/messages')
  const decided = await followNewest(firmPage, 'Open the checklist of the firm')
  await firmPage.getByRole('heading', { level: 1, name: 'Checklist' }).waitFor()

  expect([submitted, decided]).toEqual([`/review/applications/${firm}`, `/firms/${firm}/checklist`])
})

async function send({ headers }: Account, method: string, path: string, body?: unknown): Promise<void> {
  const { status } = await fetch(`${scene.service.url}/api/v1/security-firms/${path}`, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    body: body === undefined ? null : JSON.stringify(body),
  })
  expect(status).toBe(200)
}

test('the keyboard alone leads to a message and marks it as read', async () => {
  const { account } = await firmWithMessages(1)
  const page = await visit(scene, { size: 'desktop' })
  await signInOn(page, account)
  await linkOf(page, 'Messages 1 unread').focus()
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Messages', level: 1 }).waitFor()
  await page.getByRole('button', { name: /^Rejected: / }).waitFor()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Space')

  await page.getByText('Comment of the reviewer: “Page 1.”').waitFor()
  await linkOf(page, 'Messages').waitFor()

  expect(await messagesOf(scene.service, account, '?unread')).toEqual([])
})

test('a message that arrives is announced, and views ask once in a while', async () => {
  const { account, document } = await firmWithMessages(1)
  const page = await visit(scene, { size: 'desktop' })
  await page.clock.install()
  let asked = 0
  page.on('request', (request) => {
    if (new URL(request.url()).search.includes('unread')) asked += 1
  })
  await signInOn(page, account)
  await linkOf(page, 'Messages 1 unread').waitFor()
  for (const name of ['Documents', 'Members', 'Account', 'Firms'])
    await page.getByRole('link', { name }).first().click()
  await page.getByRole('heading', { name: 'Your firms' }).waitFor()
  expect(asked).toBe(1)
  await review(scene.service, document, { decision: 'verify', comment: 'Readable now.', valid_until: '2099-01-31' })
  await passTime(scene.service, 61)
  await page.clock.runFor(121_000)
  await linkOf(page, 'Messages 2 unread').waitFor()

  expect(await page.getByRole('status').filter({ hasText: 'A new message has arrived.' }).count()).toBe(1)
})

test('older messages follow on request, and the head counts to nine', async () => {
  const { account } = await firmWithMessages(26)
  const page = await visit(scene, phone)
  await signInOn(page, account, '/messages')
  await page.locator('.card').nth(24).waitFor()
  expect(await page.locator('.card').count()).toBe(25)
  await linkOf(page, 'Messages more than 9 unread').waitFor()
  await page.getByRole('button', { name: 'Show more' }).click()
  await page.locator('.card').nth(25).waitFor()

  expect(await page.locator('.card').count()).toBe(26)
})

test('a person without messages reads what will come', async () => {
  const page = await visit(scene, phone)
  await signInOn(page, await registerAccount(scene.service), '/messages')

  await page.getByText('No messages yet').waitFor()
  expect((await page.locator('header').boundingBox())?.height).toBeLessThan(2 * 44)
  await page.getByText('Each decision about your documents', { exact: false }).waitFor()
  expect(await findFaults(page)).toEqual([])
})

test('the messages have no text in their code', async () => {
  const { account } = await firmWithMessages(1)
  const page = await visit(scene, phone)
  await signInOn(page, account, '/messages')
  await page.locator('.card').waitFor()
  await page.evaluate(`localStorage.setItem('paniq.language', 'pseudo')`)
  await page.reload()
  await page.locator('.message-title button').click()

  expect(await page.evaluate<string[]>(findHardCoded)).toEqual([])
})

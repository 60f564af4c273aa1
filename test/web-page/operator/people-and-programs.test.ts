import { expect, onTestFinished, test } from 'vitest'

import { startWebhookDelivery } from '../../../src/worker/webhook-delivery.ts'
import { pageInBrowser } from '../../support/browser/page-scene.ts'
import { registerAccount, signInOn } from '../../support/browser/people-at-work.ts'
import { visit } from '../../support/browser/visit.ts'
import { startReceiver } from '../../webhooks/receiver.ts'
import { findFaults, openAdministration } from './administrator.ts'
import { administratorAccount } from '../../support/browser/reviewers.ts'

const scene = pageInBrowser({ WEBHOOK_ALLOW_PRIVATE: 'on' })

test('a person found by e-mail becomes a reviewer, is locked and unlocked, and loses the role', async () => {
  const person = await registerAccount(scene.service)
  const page = await openAdministration(scene, '/admin/people', { size: 'phone', colorScheme: 'light' })
  await page.getByLabel('E-mail address of a person').fill(person.email)
  await page.getByRole('button', { name: 'Find' }).click()
  const found = page.locator('section', { has: page.getByRole('heading', { name: 'Person found' }) })
  const press = async (name: string) => {
    await found.getByRole('button', { name }).click()
    await found.getByRole('group', { name }).getByRole('button', { name }).click()
  }
  await press('Make a reviewer')
  await page.getByText('The person is a reviewer now.').waitFor()
  await press('Lock the account')
  await found.getByText('✕ Locked').waitFor()
  expect(await findFaults(page)).toEqual([])
  await press('Unlock the account')
  await found.getByText('✕ Locked').waitFor({ state: 'detached' })
  await press('End the role of reviewer')
  await page.getByText('The person is no reviewer any more.').waitFor()
  const administrators = page.locator('section', { has: page.getByRole('heading', { name: 'Administrators' }) })

  expect(await administrators.locator('li').count()).toBeGreaterThan(0)
  expect(await administrators.textContent()).not.toContain(person.email)
})

test('an e-mail that nobody has finds nobody, and no heading says otherwise', async () => {
  const page = await openAdministration(scene, '/admin/people?email=nobody@bluecrane.example')
  await page.getByRole('heading', { name: 'Nobody found' }).waitFor()

  expect(await page.getByText('Nobody has an account with this e-mail.').count()).toBe(1)
  expect(await page.getByRole('heading', { name: 'Person found' }).count()).toBe(0)
  expect(await findFaults(page)).toEqual([])
})

test('an API key is shown once, works, and ends when it is revoked', async () => {
  const page = await openAdministration(scene, '/admin/keys')
  await page.getByText('There are no keys').waitFor()
  await page.getByRole('button', { name: 'Add a key' }).click()
  await page.getByRole('textbox', { name: 'Name' }).fill('Monitoring')
  await page.getByLabel('read the state of the service').check()
  await page.getByRole('button', { name: 'Make the key' }).click()
  await page.getByRole('heading', { name: 'The key is made' }).waitFor()
  const key = (await page.locator('.secret').textContent()) ?? ''
  expect(await findFaults(page)).toEqual([])
  const ask = () => fetch(`${scene.origin}/api/v1/admin/status`, { headers: { authorization: `Bearer ${key}` } })
  expect((await ask()).status).toBe(200)
  await page.getByRole('button', { name: 'I have stored it' }).click()
  expect(await page.content()).not.toContain(key)
  await page.getByRole('button', { name: 'Revoke' }).click()
  await page.getByText('stop working at once').waitFor()
  await page.getByRole('button', { name: 'Revoke' }).click()
  await page.getByText('The key is revoked.').waitFor()

  expect((await ask()).status).toBe(401)
})

test('a key without a scope is rejected at its check boxes, and the first of them has the focus', async () => {
  const page = await visit(scene, { size: 'phone', expects: ['Failed to load resource'] })
  await signInOn(page, await administratorAccount(scene.service), '/admin/keys')
  await page.getByRole('button', { name: 'Add a key' }).click()
  await page.getByRole('textbox', { name: 'Name' }).fill('Monitoring')
  await page.getByRole('button', { name: 'Make the key' }).click()
  const group = page.getByRole('group', { name: 'What it may do' })
  const words = await group.getByRole('alert').textContent()

  const described = (await group.getAttribute('aria-describedby')) ?? ''
  expect(await page.locator(`[id="${described}"]`).textContent()).toBe(words)
  expect(
    await group
      .locator('input')
      .first()
      .evaluate((box) => box.matches(':focus')),
  ).toBe(true)
  expect(await findFaults(page)).toEqual([])
})

/** A page of an administrator whose login is not new any more. */
async function withOldLogin(path: string) {
  const administrator = await administratorAccount(scene.service)
  const page = await visit(scene, { size: 'phone', expects: ['Failed to load resource'] })
  await signInOn(page, administrator, path)
  await page.locator('.operator-sections').waitFor()
  await scene.service.app.db
    .updateTable('document_sessions')
    .set({ proven_at: new Date(Date.now() - 3_600_000) })
    .where('user_id', '=', administrator.id)
    .execute()
  return { page, administrator }
}

test('a login that is not new is asked for the password before a key is made', async () => {
  const { page, administrator } = await withOldLogin('/admin/keys')
  await page.getByRole('button', { name: 'Add a key' }).click()
  await page.getByRole('textbox', { name: 'Name' }).fill('Monitoring')
  await page.getByLabel('read the state of the service').check()
  await page.getByRole('button', { name: 'Make the key' }).click()
  await page.getByRole('textbox', { name: 'Password' }).fill(administrator.password)
  expect(await findFaults(page)).toEqual([])
  // The field says what is missing; nothing has failed yet.
  expect(await page.getByRole('alert').count()).toBe(0)
  await page.getByRole('button', { name: 'Make the key' }).click()

  await page.getByRole('heading', { name: 'The key is made' }).waitFor()
})

test('a login that is not new is asked for the password before a person becomes a reviewer', async () => {
  const person = await registerAccount(scene.service)
  const { page, administrator } = await withOldLogin(`/admin/people?email=${person.email}`)
  const found = page.locator('section', { has: page.getByRole('heading', { name: 'Person found' }) })
  await found.getByRole('button', { name: 'Make a reviewer' }).click()
  await found.getByRole('group').getByRole('button', { name: 'Make a reviewer' }).click()
  const password = page.getByRole('textbox', { name: 'Password' })
  await password.waitFor()
  expect(await page.getByRole('alert').count()).toBe(0)
  await password.fill('not the password of anybody')
  await found.getByRole('button', { name: 'Make a reviewer' }).click()
  await page.getByRole('alert').waitFor()
  await password.fill(administrator.password)
  await found.getByRole('button', { name: 'Make a reviewer' }).click()

  await page.getByText('The person is a reviewer now.').waitFor()
})

test('a webhook is added, tested, retried after a failure, disabled and deleted', async () => {
  const receiver = await startReceiver()
  onTestFinished(() => receiver.close())
  receiver.answer((response) => response.writeHead(500).end())
  const delivery = startWebhookDelivery(scene.service.app)
  onTestFinished(() => delivery.close())
  const page = await openAdministration(scene, '/admin/webhooks', { size: 'phone', colorScheme: 'dark' })
  await page.getByText('There are no webhooks').waitFor()
  await page.getByRole('button', { name: 'Add a webhook' }).click()
  await page.getByLabel('Address').fill(receiver.url)
  await page.getByLabel('document.verified').check()
  await page.getByRole('button', { name: 'Add it' }).click()
  await page.getByRole('heading', { name: 'The webhook is added' }).waitFor()
  expect(await page.locator('.secret').textContent()).toMatch(/^whsec_/)
  expect(await findFaults(page)).toEqual([])
  await page.getByRole('button', { name: 'I have stored it' }).click()
  await page.getByRole('link', { name: receiver.url }).click()
  await page.getByText('Nothing was sent yet.').waitFor()
  await page.getByRole('button', { name: 'Send a test' }).click()
  await page.getByText('status 500').waitFor()
  expect(await findFaults(page)).toEqual([])
  receiver.answer((response) => response.writeHead(204).end())
  await page.getByRole('button', { name: 'Send again' }).click()
  await page.getByText('✓ Delivered').waitFor()
  await page.getByRole('button', { name: 'Disable' }).click()
  await page.getByRole('group', { name: 'Disable' }).getByRole('button', { name: 'Disable' }).click()
  await page.getByText('○ Disabled').waitFor()
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('group', { name: 'Delete' }).getByRole('button', { name: 'Delete' }).click()
  await page.getByText('There are no webhooks').waitFor()

  expect(receiver.received.length).toBeGreaterThanOrEqual(2)
})

test('the deliveries of a webhook are asked for again while one is on its way, and then no more', async () => {
  const receiver = await startReceiver()
  onTestFinished(() => receiver.close())
  receiver.answer((response) => response.writeHead(204).end())
  const administrator = await administratorAccount(scene.service)
  const call = (path: string, body?: object) =>
    fetch(`${scene.origin}/api/v1${path}`, {
      method: 'POST',
      headers: { ...administrator.headers, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    })
  const made = await call('/webhooks', { url: receiver.url, events: ['document.verified'] })
  const { id } = (await made.json()) as { id: string }
  await call(`/webhooks/${id}/test`)
  const page = await openAdministration(scene, '/admin/webhooks')
  await page.clock.install()
  await page.goto(`/admin/webhooks/${id}`)
  await page.getByText('Waits', { exact: false }).first().waitFor()
  const delivery = startWebhookDelivery(scene.service.app)
  onTestFinished(() => delivery.close())
  await expect.poll(() => receiver.received.length).toBe(1)
  await page.clock.runFor(20_000)
  await page.getByText('✓ Delivered').waitFor()
  let asked = 0
  page.on('request', (request) => {
    if (request.url().includes('/deliveries')) asked += 1
  })
  await page.clock.runFor(60_000)
  await page.waitForLoadState('networkidle')

  expect(asked).toBe(0)
})

import { sql } from 'kysely'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'

import { pageInBrowser } from '../../support/browser/page-scene.ts'
import { openDesk } from '../../support/browser/reviewers.ts'

const scene = pageInBrowser()

/** Runs `start`, leaves by a link before the service answers the request that it sends, and waits for the answer. */
async function leaveBefore(page: Page, method: string, start: () => Promise<void>): Promise<void> {
  const gate = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  await page.route('**/review-queue/claims/*', async (route) => {
    if (route.request().method() !== method) return route.continue()
    asked.resolve()
    await gate.promise
    await route.continue()
  })
  await start()
  await asked.promise
  await page.getByRole('link', { name: 'Account' }).click()
  await page.getByText('This session').waitFor()
  const answered = page.waitForResponse((response) => response.request().method() === method)
  gate.resolve()
  await answered
  await page.waitForLoadState('networkidle')
}

async function claimCount(): Promise<number> {
  const { rows } = await sql`select from document_review_queue where claimed_by is not null`.execute(
    scene.service.app.db,
  )
  return rows.length
}

test('a reviewer who leaves before the next document is found stays where they are, and claims nothing', async () => {
  const { page } = await openDesk(scene)
  await page.getByRole('button', { name: 'Put back' }).click()
  // The key belongs to the queue, which comes after the notice.
  await page.getByRole('button', { name: 'Review the next document' }).waitFor()

  await leaveBefore(page, 'POST', () => page.keyboard.press('n'))

  expect(new URL(page.url()).pathname).toBe('/account')
  expect(await claimCount()).toBe(0)
})

test('a reviewer who leaves before a document is back in the queue stays where they are', async () => {
  const { page } = await openDesk(scene)

  await leaveBefore(page, 'DELETE', () => page.getByRole('button', { name: 'Put back' }).click())

  await page.getByText('It is back in the queue').waitFor()
  expect(new URL(page.url()).pathname).toBe('/account')
})

test('a look for changes that is under way when the document is put back does not claim it again', async () => {
  const { page } = await openDesk(scene)
  const gate = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  await page.route('**/review-queue/claims/*', async (route) => {
    if (route.request().method() !== 'POST') return route.continue()
    asked.resolve()
    await gate.promise
    await route.continue()
  })
  await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`)
  await asked.promise
  await page.getByRole('button', { name: 'Put back' }).click()
  await page.locator('button[data-loading]').waitFor()
  gate.resolve()
  await page.getByText('It is back in the queue').waitFor()
  await page.waitForLoadState('networkidle')

  expect(await claimCount()).toBe(0)
})

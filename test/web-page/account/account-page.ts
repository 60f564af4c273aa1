import { TOTP } from 'otpauth'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'

import type { PageScene } from '../../support/browser/page-scene.ts'
import { type Account, signInOn } from '../../support/browser/people-at-work.ts'
import { visit } from '../../support/browser/visit.ts'
import { findFaults, type Look } from '../operator/administrator.ts'

/** A page of this person at the settings of their account. */
export async function openAccount(
  scene: PageScene,
  look: Look,
  account: Account,
  expects: string[] = [],
): Promise<Page> {
  const page = await visit(scene, { ...look, expects })
  await signInOn(page, account, '/account')
  await page.getByText('This session').waitFor()
  return page
}

/** Sets up the app, and leaves the page at the recovery codes. */
export async function setUpApp(page: Page): Promise<TOTP> {
  await page.getByRole('button', { name: 'Set up the app' }).click()
  return await beginApp(page)
}

/** The same where the page has offered the app. */
export async function beginApp(page: Page): Promise<TOTP> {
  await page.getByRole('button', { name: 'Begin' }).click()
  const totp = new TOTP({ secret: (await page.locator('.secret').textContent()) ?? '' })
  await page.getByLabel('Code of the app').fill(totp.generate())
  expect(await findFaults(page)).toEqual([])
  await page.getByRole('button', { name: 'Confirm' }).click()
  await page.getByRole('heading', { name: 'Save your recovery codes' }).waitFor()
  return totp
}

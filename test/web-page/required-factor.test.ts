import { expect, test } from 'vitest'

import { pageInBrowser } from '../support/browser/page-scene.ts'
import { accountWithFirm, signInOn } from '../support/browser/people-at-work.ts'
import { visit } from '../support/browser/visit.ts'
import { beginApp } from './account/account-page.ts'

const scene = pageInBrowser({ SECOND_FACTOR: 'everyone' })

test('where a second factor is required, the app is set up before anything else', async () => {
  const { account } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone', expects: ['Failed to load resource'] })
  await signInOn(page, account)
  await beginApp(page)
  expect(await page.locator('.codes li').allTextContents()).toHaveLength(10)
  await page.getByRole('button', { name: 'I have saved them' }).click()

  await page.getByRole('heading', { name: 'Next step' }).waitFor()
})

import { expect, test } from 'vitest'

import { pageInBrowser } from '../../support/browser/page-scene.ts'
import { accountWithFirm } from '../../support/browser/people-at-work.ts'
import { findFaults } from '../operator/administrator.ts'
import { openAccount, setUpApp } from './account-page.ts'

const scene = pageInBrowser()

test('recovery codes that are not saved yet stay when the person opens another view, and the page is not closed unasked', async () => {
  const { account } = await accountWithFirm(scene.service)
  const page = await openAccount(scene, { size: 'phone', colorScheme: 'light' }, account)
  await setUpApp(page)
  const codes = await page.locator('.codes li').allTextContents()
  await page.getByRole('link', { name: 'Firms' }).click()
  await page.getByText('Save these codes first.').waitFor()
  expect(await page.locator('.codes li').allTextContents()).toEqual(codes)
  expect(await findFaults(page)).toEqual([])
  const asked = page.waitForEvent('dialog')
  await page.close({ runBeforeUnload: true })
  await (await asked).dismiss()
  await page.getByRole('button', { name: 'I have saved them' }).click()

  await page.getByRole('heading', { name: 'Your firms' }).waitFor()
  expect(await page.content()).not.toContain(codes[0])
})

test('a browser that does not allow the page to copy says so, also to screen readers', async () => {
  const { account } = await accountWithFirm(scene.service)
  const page = await openAccount(scene, { size: 'phone', colorScheme: 'light' }, account)
  const tools = await page.context().newCDPSession(page)
  const { targetInfo } = await tools.send('Target.getTargetInfo')
  await tools.send('Browser.setPermission', {
    permission: { name: 'clipboard-write', allowWithoutSanitization: false },
    setting: 'denied',
    origin: scene.origin,
    browserContextId: targetInfo.browserContextId ?? '',
  })
  await setUpApp(page)
  await page.getByRole('button', { name: 'Copy the codes' }).click()

  await page.getByRole('button', { name: 'Not allowed: copy it by hand' }).waitFor()
  expect(await page.getByRole('status').allTextContents()).toContain('Not allowed: copy it by hand')
})

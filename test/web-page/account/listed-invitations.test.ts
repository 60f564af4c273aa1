import { expect, test } from 'vitest'

import { pageInBrowser } from '../../support/browser/page-scene.ts'
import { accountWithFirm, registerAccount, signInOn } from '../../support/browser/people-at-work.ts'
import { visit } from '../../support/browser/visit.ts'
import { findFaults } from '../operator/administrator.ts'

const scene = pageInBrowser()

test('the buttons of an invitation name its firm, and one answer at a time is sent', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const invited = await registerAccount(scene.service)
  await fetch(`${scene.origin}/api/v1/security-firms/${firm}/invitations`, {
    method: 'POST',
    headers: { ...account.headers, 'content-type': 'application/json' },
    body: JSON.stringify({ email: invited.email, role: 'firm_user' }),
  })
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, invited)
  const accept = page.getByRole('button', { name: /^Accept the invitation to ./ })
  const decline = page.getByRole('button', { name: /^Decline the invitation to ./ })
  await accept.waitFor()
  expect(await findFaults(page)).toEqual([])
  const gate = Promise.withResolvers<void>()
  await page.route('**/accept', async (route) => {
    await gate.promise
    await route.continue()
  })
  await accept.click()
  await page.locator('button[data-loading]').waitFor()

  expect(await decline.isDisabled()).toBe(true)
  gate.resolve()
  await page.waitForURL(`**/firms/${firm}/checklist`)
})

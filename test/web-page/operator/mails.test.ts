import { expect, onTestFinished, test } from 'vitest'

import { loadConfigWithoutTokens } from '../../../src/config/load-config.ts'
import { mailSettings, queueReset, sendMails } from '../../mail/mail-scene.ts'
import { openMailServer, rejection } from '../../mail/mail-server.ts'
import { pageInBrowser } from '../../support/browser/page-scene.ts'
import { registerAccount } from '../../support/browser/people-at-work.ts'
import { findFaults, openAdministration } from './administrator.ts'

const scene = pageInBrowser()

/** A mail server that first rejects every recipient for good. */
async function openRejecting() {
  const server = await openMailServer()
  onTestFinished(() => server.close())
  server.faults.onRecipient = rejection('no such mailbox', 550)
  const app = { ...scene.service.app, config: loadConfigWithoutTokens(mailSettings(server)) }
  return { server, deliver: () => sendMails({ app }) }
}

test('a mail that was given up leads from the overview to its reason, and is sent again', async () => {
  const { server, deliver } = await openRejecting()
  const { email } = await registerAccount(scene.service)
  await queueReset(scene.service.app, email)
  await deliver()
  const page = await openAdministration(scene, '/admin', { size: 'phone', colorScheme: 'light' })
  const problem = page.locator('.operator-problem', { hasText: 'Mails were given up' })
  await problem.waitFor()
  expect(await problem.textContent()).toMatch(/Number: 1\..*For .*What to do:.*docs\/runbook\/mail-rejected\.md/)
  await page.getByRole('link', { name: 'Undelivered mails' }).click()
  const row = page.locator('.operator-list li', { hasText: email })
  await row.waitFor()
  expect(await row.textContent()).toMatch(/✕ Given up.*Link for a new password.*no such mailbox.*1 attempt/)
  expect(await findFaults(page)).toEqual([])

  await row.getByRole('button', { name: 'Send again' }).click()
  await row.getByText('… Waits').waitFor()
  server.faults.onRecipient = undefined
  await deliver()
  await page.getByRole('button', { name: 'Read the list again' }).click()
  await page.getByText('No mail waits, and none was given up.').waitFor()

  expect(server.received.map(({ to }) => to[0])).toEqual([email])
})

import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { pageInBrowser } from '../../support/browser/page-scene.ts'
import { accountWithFirm, signInOn } from '../../support/browser/people-at-work.ts'
import { visit } from '../../support/browser/visit.ts'
import { startWorker } from '../../../src/worker/run-queue.ts'
import { plan } from '../../../src/worker/work-to-report.ts'
import { operatorJobs } from '../../../web/src/texts/en/operator/jobs.ts'
import { operatorProblems } from '../../../web/src/texts/en/operator/problems.ts'
import { findFaults, looks, openAdministration } from './administrator.ts'

const scene = pageInBrowser()
const root = join(import.meta.dirname, '../../..')

test('each thing that an operator may have to do has its page in the runbook', () => {
  const pages = Object.values(operatorProblems).map(({ page }) => page)

  expect(pages.filter((page) => !existsSync(join(root, 'docs/runbook', `${page}.md`)))).toEqual([])
})

test('each job is named in words', () => {
  expect(plan.map(({ name }) => name).filter((name) => !(name in operatorJobs))).toEqual([])
})

test.each(looks)('the overview has no barriers, on a $size in $colorScheme', async (look) => {
  const page = await openAdministration(scene, '/admin', look)
  await page.getByRole('heading', { name: 'Parts of the service' }).waitFor()

  expect(await page.locator('.operator-grid li').first().textContent()).toMatch(/Database.*Works.*Unchanged since/)
  expect(await findFaults(page)).toEqual([])
})

test('a failed job comes first, with its reason, since when, and what to do', async () => {
  const worker = await startWorker(scene.service.app, [
    {
      name: 'hold-objects',
      description: 'Is tried.',
      schedule: '0 0 1 1 *',
      run: async () => Promise.reject(new Error('It failed.')),
    },
  ])
  const page = await openAdministration(scene, '/admin')
  const card = page.locator('.operator-problem', { hasText: 'A job failed: Legal holds on S3 hold-objects' })
  await expect
    .poll(async () => {
      await page.reload()
      await page.getByRole('heading', { name: 'Parts of the service' }).waitFor()
      return card.count()
    })
    .toBe(1)
  await worker.close()

  expect(await card.textContent()).toMatch(/the log of that instance.*Since .*What to do: Fix what the error names/)
  expect(await card.textContent()).toContain('docs/runbook/job-failed.md')
  const first = page.locator('.operator-list li').first()
  expect(await first.textContent()).toMatch(/^Legal holds on S3 hold-objects.*Failed/)
  expect(await findFaults(page)).toEqual([])
})

test('what is not set up needs somebody, with since when and the runbook, and its card says the same', async () => {
  const page = await openAdministration(scene, '/admin')
  await page.getByRole('heading', { name: 'Parts of the service' }).waitFor()
  const problem = (text: string) => page.locator('.operator-problem', { hasText: text }).textContent()
  const card = (name: string) =>
    page.locator('.operator-grid li', { has: page.getByRole('heading', { name, exact: true }) }).textContent()

  expect(await page.getByText('Nothing needs you now.').count()).toBe(0)
  expect(await problem('No virus scanner is set up')).toMatch(/Since .*CLAMD_URL.*docs\/runbook\/scanner-down\.md/)
  expect(await problem('No mail server is set up')).toMatch(/Since .*SMTP_URL.*docs\/runbook\/mail-waiting\.md/)
  expect(await problem('No backup was ever made')).toMatch(/backup create.*docs\/runbook\/backup-late\.md/)
  for (const name of ['Virus scanner', 'Mail', 'Backup'])
    expect(await card(name)).toMatch(/! Not set up.*docs\/runbook\//)
  expect(await card('Webhooks')).toMatch(/✓ Works.*0 events wait.*docs\/runbook\/webhook-disabled\.md/)
})

test('only administrators get the link and the views', async () => {
  const { account } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, account, '/admin')
  await page.getByText('Only administrators of the platform see this part.').waitFor()
  const links = await page.getByRole('navigation').getByRole('link', { name: 'Administration' }).count()

  expect(links).toBe(0)
})

test('the head leads to the administration', async () => {
  const page = await openAdministration(scene, '/admin', { size: 'phone', colorScheme: 'light' })
  await page.goto('/firms')
  await page.getByRole('button', { name: 'Menu' }).click()
  await page.getByRole('link', { name: 'Administration' }).click()
  await page.getByRole('heading', { name: 'Overview' }).waitFor()

  expect(new URL(page.url()).pathname).toBe('/admin')
})

import type { Page } from 'playwright-core'

import { findBarriers, findSmallTargets } from '../../support/browser/check-accessibility.ts'
import type { PageScene } from '../../support/browser/page-scene.ts'
import { signInOn } from '../../support/browser/people-at-work.ts'
import { type Size, visit } from '../../support/browser/visit.ts'
import { administratorAccount } from '../../support/browser/reviewers.ts'

export type Look = { size: Size; colorScheme: 'light' | 'dark' }

export const looks: Look[] = [
  { size: 'phone', colorScheme: 'light' },
  { size: 'phone', colorScheme: 'dark' },
  { size: 'desktop', colorScheme: 'light' },
  { size: 'desktop', colorScheme: 'dark' },
]

/** A page of an administrator who has signed in at an address below `/admin`. */
export async function openAdministration(
  scene: PageScene,
  path: string,
  look: Look = { size: 'desktop', colorScheme: 'light' },
): Promise<Page> {
  const account = await administratorAccount(scene.service)
  const page = await visit(scene, look)
  await signInOn(page, account, path)
  await page.locator('.operator-sections').waitFor()
  return page
}

/** What axe finds, targets that a finger misses, and a view that is wider than its window. */
export async function findFaults(page: Page): Promise<string[]> {
  await page.locator('[aria-busy="true"]').first().waitFor({ state: 'detached' })
  const isWide = await page.evaluate<boolean>('document.documentElement.scrollWidth > innerWidth')
  const faults = [...(await findBarriers(page)), ...(await findSmallTargets(page))]
  return isWide ? ['wider than the window', ...faults] : faults
}

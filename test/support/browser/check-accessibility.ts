import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'

import type { Page } from 'playwright-core'

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

type Found = { id: string; nodes: { target: unknown[]; failureSummary?: string }[] }

/** What axe finds on the page as it is now, a line for each element. Best is an empty list. */
export async function findBarriers(page: Page): Promise<string[]> {
  // Evaluated by the browser's own tools, which the content policy of the page does not limit.
  await page.evaluate(axe)
  const violations = await page.evaluate<Found[]>(
    `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then((result) => result.violations)`,
  )
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')} ${failureSummary?.replaceAll(/\s+/g, ' ')}`),
  )
}

/** Elements that a finger can miss: smaller than 44 by 44 pixels. Links within a sentence may be smaller. */
export async function findSmallTargets(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(`[...document.querySelectorAll('button, select, nav a, a.tap, a[data-variant]')]
    .filter((each) => each.checkVisibility() && getComputedStyle(each).position !== 'absolute')
    .map((each) => ({ each, box: each.getBoundingClientRect() }))
    .filter(({ box }) => box.width < 44 || box.height < 44)
    .filter(({ each }) => !each.closest('.mantine-PasswordInput-section, [data-position]'))
    .map(({ each, box }) => each.textContent + ' ' + Math.round(box.width) + '×' + Math.round(box.height))`)
}

import { sql } from 'kysely'
import { expect, test } from 'vitest'

import { pageInBrowser } from '../../support/browser/page-scene.ts'
import { findFaults, looks, openAdministration } from './administrator.ts'

const scene = pageInBrowser()

/** Figures of 30 days: each hour has its number of uploads, this hour and one ten days ago errors, and the storage grows. */
async function seedHistory(): Promise<void> {
  await sql`
    insert into document_history (hour, uploads, upload_bytes, counted_at, errors, fallback_files, stored_bytes)
    select date_trunc('hour', now(), 'UTC') - make_interval(hours => back), 20 + (back * 7) % 60, 30000000, now(),
      case when back in (0, 240) then 3 else 0 end, case when back between 20 and 30 then 12 else 0 end,
      80000000000 - back * 30000000::bigint
    from generate_series(0, 719) as back
    on conflict do nothing`.execute(scene.service.app.db)
}

test('without figures the view says where they come from', async () => {
  const page = await openAdministration(scene, '/admin/history')
  await page.getByRole('heading', { name: 'There are no figures yet' }).waitFor()

  expect(await findFaults(page)).toEqual([])
})

test.each(looks)('charts are drawn without barriers, on a $size in $colorScheme', async (look) => {
  await seedHistory()
  const page = await openAdministration(scene, '/admin/history', look)
  await page.getByRole('img', { name: /^Storage: / }).waitFor()
  await page.getByText('The figures as a table').click()

  expect(await page.locator('canvas').count()).toBe(4)
  expect(await findFaults(page)).toEqual([])
  const isDrawn = await page.evaluate<boolean>(`[...document.querySelectorAll('canvas')].every((canvas) =>
    canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0))`)
  expect(isDrawn).toBe(true)
})

test('the number of days is in the address, and the table has the numbers of the charts', async () => {
  await seedHistory()
  const page = await openAdministration(scene, '/admin/history?days=1')
  await page.getByText('The figures as a table').click()
  const rows = page.locator('tbody tr')

  expect(await rows.count()).toBe(24)
  expect(await rows.first().textContent()).toMatch(/20.*28,6\sMB.*3.*74,5\sGB/)
  await page.getByLabel('Show').selectOption('30')
  await expect.poll(() => rows.count()).toBe(30)
  expect(new URL(page.url()).search).toBe('?days=30')
  expect(await page.getByRole('img', { name: /^Errors: 6 answers/ }).count()).toBe(1)
})

/** Charts with something in the outermost pixels of their canvas: a label that is cut off. */
const cutOff = `[...document.querySelectorAll('canvas')].flatMap((canvas, at) => {
  const { width, height } = canvas
  const copy = Object.assign(document.createElement('canvas'), { width, height }).getContext('2d')
  copy.drawImage(canvas, 0, 0)
  const pixels = copy.getImageData(0, 0, width, height).data
  const isDrawn = (x) => Array.from({ length: height }, (_, y) => pixels[(y * width + x) * 4 + 3]).some((value) => value > 0)
  return isDrawn(0) || isDrawn(width - 1) ? [at] : []
})`

test.each(['phone', 'desktop'] as const)('no label of an axis is cut off, on a %s', async (size) => {
  await sql`delete from document_history`.execute(scene.service.app.db)
  // The newest hour is a midnight, which every axis of time has.
  await sql`
    insert into document_history (hour, uploads, upload_bytes, counted_at, errors, fallback_files, stored_bytes)
    select date_trunc('day', now(), 'Africa/Johannesburg') - make_interval(hours => back), 123456789, 30000000, now(), 3, 12,
      1100 * 1024::bigint * 1024 * 1024
    from generate_series(0, 600) as back`.execute(scene.service.app.db)
  const page = await openAdministration(scene, '/admin/history?days=1', { size, colorScheme: 'light' })
  const found: unknown[] = []
  for (const days of ['1', '7', '30']) {
    await page.getByLabel('Show').selectOption(days)
    await page.waitForURL(`**/admin/history?days=${days}`)
    await page.getByRole('img', { name: /^Storage: / }).waitFor()
    found.push(...(await page.evaluate<number[]>(cutOff)).map((at) => [days, at]))
  }

  expect(found).toEqual([])
})

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, it } from 'vitest'

import { backedUpTables, leftOutTables } from '../../src/database/backup/tables-to-back-up.ts'

it('docs/personal-data.md has every table, with what it holds of people', async () => {
  const page = await readFile(join(import.meta.dirname, '../../docs/personal-data.md'), 'utf8')
  const missing = [...backedUpTables, ...Object.keys(leftOutTables)].filter((table) => !page.includes(`\`${table}\``))

  expect(missing).toEqual([])
})

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { readTable } from './read-table.ts'

const root = join(import.meta.dirname, '../..')
const page = await readFile(join(root, 'docs/security.md'), 'utf8')
const files = await readdir(join(root, 'test/security/checks'))

/** What stands in the last column: numbers of checks, and names of other tests. */
const held = readTable(page, 'threat').flatMap(([, , check = '']) => check.split(/, */))

test('docs/security.md names every check that there is a file of, and no other', () => {
  const written = new Set(held.filter((each) => /^\d+$/.test(each)).map(Number))
  const checked = new Set(files.flatMap((file) => /^(\d+)-.+\.test\.ts$/.exec(file)?.[1] ?? []).map(Number))

  expect(checked.size).toBeGreaterThan(15)
  expect([...written].toSorted((a, b) => a - b)).toEqual([...checked].toSorted((a, b) => a - b))
})

test('docs/security.md says which folder each of its other names is', () => {
  const names = new Set(held.filter((each) => !/^\d+$/.test(each)))

  expect([...names].filter((name) => !new RegExp(`\`test/\\w+/${name}/\``).test(page))).toEqual([])
})

test('every answer of docs/security.md is held by a test', () => {
  const rows = readTable(page, 'threat')

  expect(rows.filter(([, answer = '', check = '']) => answer === '' || check === '')).toEqual([])
})

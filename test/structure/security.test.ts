import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'

import { expect, test } from 'vitest'

import { numberOf, requireCheck } from '../security/check.ts'
import { readTable } from '../support/pages/read-table.ts'

const root = join(import.meta.dirname, '../..')
const page = await readFile(join(root, 'docs/security.md'), 'utf8')
const checks = (await readdir(join(root, 'test/security/checks'), { recursive: true }))
  .filter((file) => file.endsWith('.test.ts'))
  .toSorted((a, b) => basename(a).localeCompare(basename(b)))

const threats = readTable(page, 'threat')
const tests = readTable(page, 'test').map(([word = '', file = '', name = '']) => ({
  word,
  file: file.replaceAll('`', ''),
  name,
}))

test('every countermeasure of docs/security.md has a test in its table, and each test belongs to one', () => {
  const held = threats.flatMap(([, , check = '']) => check.split(/, */))

  expect(threats.length).toBeGreaterThan(20)
  expect(threats.filter(([, answer = '', check = '']) => answer === '' || check === '')).toEqual([])
  expect([...new Set(held)].toSorted()).toEqual([...new Set(tests.map(({ word }) => word))].toSorted())
})

test('the checks of its table are files with their sentences', () => {
  const rows = checks.map((file) => {
    const number = numberOf(file) ?? 0
    return { word: String(number), file: `test/security/checks/${file}`, name: requireCheck(number).sentence }
  })

  expect(tests.filter(isNumbered)).toEqual(rows)
})

test('the other tests of its table exist under their names', async () => {
  const missing: string[] = []
  for (const { word, file, name } of tests.filter((each) => !isNumbered(each))) {
    const content = await readFile(join(root, file), 'utf8').catch(() => '')
    const isNamed = [`'${name}'`, `"${name}"`].some((title) => content.includes(title))
    if (!isNamed || !file.endsWith(`/${word}.test.ts`)) missing.push(`${word}: ${file} has no test ${name}`)
  }

  expect(missing).toEqual([])
})

function isNumbered({ word }: { word: string }): boolean {
  return /^\d+$/.test(word)
}

test('each requirement of ASVS has a state, and a reason or a test that exists', async () => {
  const rows = readTable(page, 'requirement')
  const known = new Set(['met', 'met by people', 'not met', 'not met by default', 'not applicable'])

  expect(rows.length).toBeGreaterThanOrEqual(60)
  expect(rows.filter(([, , state = '', why = '']) => !known.has(state) || why === '')).toEqual([])
  const files = rows.flatMap(([, , , why = '']) =>
    [...why.matchAll(/`((?:test|src)\/[^`]+)`/g)].map(([, file = '']) => file),
  )
  expect(files.length).toBeGreaterThan(20)
  for (const file of new Set(files)) expect((await readFile(join(root, file), 'utf8')).length).toBeGreaterThan(0)
})

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

test('every answer of docs/security.md is held by tests that stand at its end, and each of these holds an answer', () => {
  const held = threats.flatMap(([, , check = '']) => check.split(/, */))

  expect(threats.length).toBeGreaterThan(20)
  expect(threats.filter(([, answer = '', check = '']) => answer === '' || check === '')).toEqual([])
  expect([...new Set(held)].toSorted()).toEqual([...new Set(tests.map(({ word }) => word))].toSorted())
})

test('the tests at its end are all files of checks, under their sentences', () => {
  const rows = checks.map((file) => {
    const number = numberOf(file) ?? 0
    return { word: String(number), file: `test/security/checks/${file}`, name: requireCheck(number).sentence }
  })

  expect(tests.filter(isNumbered)).toEqual(rows)
})

test('and other tests, which are there under that name', async () => {
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

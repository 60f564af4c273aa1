import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'

import { expect, test } from 'vitest'

import { checks, numberOf, requireCheck } from '../security/check.ts'
import { printChecks } from '../security/print-checks.ts'

const folder = join(import.meta.dirname, '../security/checks')
const files = (await readdir(folder, { recursive: true }))
  .filter((file) => file.endsWith('.test.ts'))
  .toSorted((a, b) => basename(a).localeCompare(basename(b)))
const checked = new Set(files.map(numberOf))
const name = (number: number) => `${number}. ${requireCheck(number).sentence}`

test('the list of checks has the numbers 1 to 38, each with its own sentence', () => {
  expect(checks.map(({ number }) => number)).toEqual(Array.from({ length: 38 }, (_, index) => index + 1))
  expect(new Set(checks.map(({ sentence }) => sentence)).size).toBe(38)
})

test('every check has a file, or a reason in the list', () => {
  const wrong = checks
    .filter(({ number, whyNotHere }) => checked.has(number) === (whyNotHere !== ''))
    .map(({ number }) => `${number}: ${checked.has(number) ? 'has a file and a reason to have none' : 'has neither'}`)

  expect(wrong).toEqual([])
})

test('the list after a run has the checks that ran, and all checks with reasons after a full run', () => {
  const ran = files.map((file) => {
    const number = numberOf(file) ?? 0
    return { path: `test/security/checks/${file}`, tests: [{ fullName: `${name(number)} > x`, isPassed: true }] }
  })

  expect(printChecks([])).toEqual([])
  expect(printChecks(ran.slice(0, 1))).toEqual([`✓  ${name(1)} (1 tests)`])
  const all = printChecks(ran)
  expect(all).toHaveLength(38)
  expect(all.filter((line) => line.startsWith('–'))).toHaveLength(38 - checked.size)
  expect(all[15]).toBe(`–  ${name(16)} (not here: ${checks[15]?.whyNotHere})`)
})

test('a check fails in that list if a test of its file failed, is in another group, or does not exist', () => {
  const path = 'test/security/checks/access/05-review.test.ts'
  const good = { fullName: `${name(5)} > x`, isPassed: true }
  const printed = (tests: (typeof good)[]) => printChecks([{ path, tests }])

  expect(printed([good, { ...good, isPassed: false }])).toEqual([`✗  ${name(5)} (1 of 2 tests failed)`])
  expect(printed([good, { ...good, fullName: 'x' }])).toEqual([`✗  ${name(5)} (1 of 2 tests failed)`])
  expect(printed([])).toEqual([`✗  ${name(5)} (0 of 0 tests failed)`])
})

import { expect, test } from 'vitest'

import { listCode } from './list-code.ts'
import { countLines, findTooLong, medianOf } from './sizes.ts'

const mostLines = 300
const mostLinesOfHalf = 100

async function sizesIn(folders: string[]) {
  const files = await listCode(folders)
  return files.map(({ path, content }) => ({ path, lines: countLines(content) }))
}

test('no file is longer than 300 lines', async () => {
  const files = await sizesIn(['src', 'bin', 'test', 'bench'])

  expect(files.length).toBeGreaterThan(0)
  expect(findTooLong(files, mostLines)).toEqual([])
})

test('half of the files in src are shorter than 100 lines', async () => {
  const files = await sizesIn(['src'])

  expect(files.length).toBeGreaterThan(0)
  expect(medianOf(files)).toBeLessThan(mostLinesOfHalf)
})

test('a file of 301 lines is too long, and one of 300 is not', () => {
  const files = [300, 301].map((lines) => ({ path: `${lines}.ts`, lines: countLines('line\n'.repeat(lines)) }))

  expect(findTooLong(files, mostLines)).toEqual([{ path: '301.ts', lines: 301 }])
  expect(countLines('a\nb')).toBe(2)
})

test('the median is the file in the middle, not the average', () => {
  const files = [1000, 10, 20].map((lines) => ({ path: `${lines}.ts`, lines }))

  expect(medianOf(files)).toBe(20)
})

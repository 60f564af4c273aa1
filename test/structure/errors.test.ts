import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { errorCodes } from '../../src/errors/app-error.ts'
import { errorTable } from '../../src/http/errors/error-codes.ts'
import { readTable } from '../support/pages/read-table.ts'

const page = await readFile(join(import.meta.dirname, '../../docs/errors.md'), 'utf8')

test('docs/errors.md has every error code, with its status and title, and no other', () => {
  const written = readTable(page, 'code').map(([code = '', status, title]) => ({
    code: code.replaceAll('`', ''),
    status: Number(status),
    title,
  }))

  expect(written).toEqual(
    errorCodes.map((code) => ({ code, status: errorTable[code].status, title: errorTable[code].title })),
  )
})

test('docs/errors.md has a meaning and an action for every code', () => {
  const short = readTable(page, 'code').filter(
    ([, , , meaning = '', advice = '']) => meaning.length < 20 || advice.length < 15,
  )

  expect(short).toEqual([])
})

test('every code is listed once', () => {
  expect(new Set(errorCodes).size).toBe(errorCodes.length)
})

import { expect, it } from 'vitest'

import { addMonths, dayInJohannesburg } from '../vocabulary/days.ts'

it('a day begins at midnight in South Africa', () => {
  expect(dayInJohannesburg(new Date('2027-03-31T21:59:59Z'))).toBe('2027-03-31')
  expect(dayInJohannesburg(new Date('2027-03-31T22:00:00Z'))).toBe('2027-04-01')
})

it.each([
  ['2026-12-02', 12, '2027-12-02'],
  ['2027-01-31', 1, '2027-02-28'],
  ['2028-02-29', 12, '2029-02-28'],
  ['2026-11-30', 3, '2027-02-28'],
  ['2026-12-31', 0, '2026-12-31'],
])('%s and %i months is %s', (day, months, expected) => {
  expect(addMonths(day, months)).toBe(expected)
})

import { describe } from 'vitest'

import { requireCheck } from './check.ts'

/** The tests of a check, below its number and its sentence. */
export function describeCheck(number: number, tests: () => void): void {
  describe(`${number}. ${requireCheck(number).sentence}`, () => {
    tests()
  })
}

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { readTable } from '../support/pages/read-table.ts'

export type Check = { number: number; sentence: string; /** Empty where it is. */ whyNotHere: string }

const page = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')

export const checks: Check[] = readTable(page, 'check').map(([number, sentence = '', whyNotHere = '']) => ({
  number: Number(number),
  sentence,
  whyNotHere,
}))

export function requireCheck(number: number): Check {
  const found = checks.find((each) => each.number === number)
  if (found === undefined) throw new Error(`There is no check ${number} in test/security/README.md.`)
  return found
}

/** The number at the beginning of a file name in `checks/`. */
export function numberOf(path: string): number | undefined {
  const digits = /(?:^|\/)(\d+)-[^/]+\.test\.ts$/.exec(path)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

import fc from 'fast-check'
import { expect, test } from 'vitest'

import type { FirmId } from '../../vocabulary.ts'
import { quarantineKeyOf, storageKeyOf } from '../storage-key.ts'
import { lifecycleRules, papersPrefix, quarantinePrefix } from './lifecycle-rules.ts'

const id = '0b8f6f0e-7c2e-4a55-9d3c-0c5a6f1d2e3b'
const key = storageKeyOf({ firmId: id as FirmId, documentType: 'vat_certificate', uuid: id, extension: 'pdf' })

const wishes = fc.record({
  noncurrentDays: fc.integer({ min: 1, max: 36_500 }),
  transition: fc.constantFrom(undefined, { days: 60, storageClass: 'STANDARD_IA' } as const),
  quarantineDays: fc.option(fc.integer({ min: 1, max: 36_500 }), { nil: undefined }),
})

test('whatever is wished, no rule removes a paper that people can see, and none names two things that S3 refuses together', () => {
  fc.assert(
    fc.property(wishes, (wish) => {
      const rules = lifecycleRules(wish)
      for (const { Filter, Expiration } of rules.filter((rule) => key.startsWith(rule.Filter.Prefix)))
        expect([Filter, Expiration && 'Days' in Expiration]).not.toEqual([Filter, true])
      for (const rule of rules) {
        const [moved] = rule.NoncurrentVersionTransitions ?? []
        const gone = rule.NoncurrentVersionExpiration?.NoncurrentDays
        // S3 takes none that is moved on the day that it goes, or later.
        if (moved !== undefined) expect(gone).toBeGreaterThan(moved.NoncurrentDays)
      }
      expect(new Set(rules.map(({ ID }) => ID)).size).toBe(rules.length)
    }),
  )
})

test('old versions move to a cheaper class after 30 days and go after as many as are wished; what goes soon does not move', () => {
  const oldVersions = (noncurrentDays: number) =>
    lifecycleRules({ noncurrentDays, transition: undefined, quarantineDays: undefined })[1]

  expect(oldVersions(365)).toMatchObject({
    NoncurrentVersionTransitions: [{ NoncurrentDays: 30, StorageClass: 'STANDARD_IA' }],
    NoncurrentVersionExpiration: { NoncurrentDays: 365 },
  })
  expect(oldVersions(59)).not.toHaveProperty('NoncurrentVersionTransitions')
})

test('the folders of the rules are those of the keys', () => {
  expect(key.startsWith(papersPrefix)).toBe(true)
  expect(quarantineKeyOf(key).startsWith(quarantinePrefix)).toBe(true)
})

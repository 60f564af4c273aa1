import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { type FirmId, uploadExpiry } from '../../vocabulary/vocabulary.ts'
import { quarantineKeyOf, storageKeyOf } from '../storage-key.ts'
import { lifecycleRules, documentsPrefix, quarantinePrefix } from './lifecycle-rules.ts'

const id = '0b8f6f0e-7c2e-4a55-9d3c-0c5a6f1d2e3b'
const key = storageKeyOf({ firmId: id as FirmId, documentType: 'vat_certificate', uuid: id, extension: 'pdf' })

const wishes = fc.record({
  noncurrentDays: fc.integer({ min: 1, max: 36_500 }),
  transition: fc.constantFrom(undefined, { days: 60, storageClass: 'STANDARD_IA' } as const),
  quarantineDays: fc.option(fc.integer({ min: 1, max: 36_500 }), { nil: undefined }),
})

test('with any options, no rule removes a visible document', () => {
  fc.assert(
    fc.property(wishes, (wish) => {
      const ofPapers = lifecycleRules(wish).filter(({ Filter }) => key.startsWith(Filter.Prefix))
      expect(ofPapers.filter(({ Expiration = {} }) => 'Days' in Expiration)).toEqual([])
    }),
  )
})

test('with any options, no old version is moved on or after the day of its destruction, which S3 rejects', () => {
  fc.assert(
    fc.property(wishes, (wish) => {
      const tooLate = lifecycleRules(wish).filter((rule) =>
        rule.NoncurrentVersionTransitions?.some(
          ({ NoncurrentDays }) => NoncurrentDays >= (rule.NoncurrentVersionExpiration?.NoncurrentDays ?? 0),
        ),
      )
      expect(tooLate).toEqual([])
    }),
  )
})

test('old versions move to a cheaper class after 30 days and are destroyed after the given number; short-lived ones do not move', () => {
  expect(oldVersions(365)).toMatchObject({
    NoncurrentVersionTransitions: [{ NoncurrentDays: 30, StorageClass: 'STANDARD_IA' }],
    NoncurrentVersionExpiration: { NoncurrentDays: 365 },
  })
  expect(oldVersions(59)).not.toHaveProperty('NoncurrentVersionTransitions')
})

test('the rule for unfinished uploads leaves a complete resumable upload alone until it expires', () => {
  const [unfinished] = lifecycleRules({ noncurrentDays: 90, transition: undefined, quarantineDays: undefined })
  const days = unfinished?.AbortIncompleteMultipartUpload?.DaysAfterInitiation
  expect(days).toBeGreaterThan(uploadExpiry.hoursToArrive / 24 + uploadExpiry.daysComplete)
})

test('the rules have the folders of the keys', () => {
  expect(key.startsWith(documentsPrefix)).toBe(true)
  expect(quarantineKeyOf(key).startsWith(quarantinePrefix)).toBe(true)
})

function oldVersions(noncurrentDays: number) {
  return lifecycleRules({ noncurrentDays, transition: undefined, quarantineDays: undefined })[1]
}

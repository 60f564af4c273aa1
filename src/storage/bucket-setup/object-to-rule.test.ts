import type { LifecycleRule } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'

import { objectToRule } from './lifecycle-part.ts'

const rule = (more: Partial<LifecycleRule>): LifecycleRule => ({
  ID: 'theirs',
  Status: 'Enabled',
  Filter: { Prefix: '' },
  ...more,
})
const tag = { Key: 'kind', Value: 'log' }

test.each<[string, Partial<LifecycleRule>, string]>([
  ['deletes documents by age', { Expiration: { Days: 10 } }, 'deletes documents: 10 days'],
  ['deletes them on a date', { Expiration: { Date: new Date('2030-01-01') } }, 'deletes documents: 2030-01-01'],
  ['covers one firm', { Filter: { Prefix: 'security_firms/0b/' }, Expiration: { Days: 1 } }, 'deletes documents'],
  ['covers large files', { Filter: { ObjectSizeGreaterThan: 9 }, Expiration: { Days: 1 } }, 'deletes documents'],
  ['archives', { Transitions: [{ Days: 1, StorageClass: 'GLACIER' }] }, 'from which links cannot read'],
  ['moves to one zone', { Transitions: [{ Days: 30, StorageClass: 'ONEZONE_IA' }] }, 'which has only one copy'],
])('a foreign rule that %s is a serious problem', (_which, more, message) => {
  expect(objectToRule(rule(more), 90)).toEqual([{ isSerious: true, message: expect.stringContaining(message) }])
})

test('a rule that deletes old versions sooner is a note', () => {
  const sooner = rule({ NoncurrentVersionExpiration: { NoncurrentDays: 7 } })
  expect(objectToRule(sooner, 90)).toEqual([
    { isSerious: false, message: expect.stringContaining('sooner: after 7 days') },
  ])
  expect(objectToRule(sooner, 7)).toEqual([])
})

test.each<[string, Partial<LifecycleRule>]>([
  ['is off', { Status: 'Disabled', Expiration: { Days: 1 } }],
  ['covers another folder', { Filter: { Prefix: 'logs/' }, Expiration: { Days: 1 } }],
  ['filters by a tag', { Filter: { Tag: tag }, Expiration: { Days: 1 } }],
  ['filters by a tag in another format', { Filter: { And: { Prefix: '', Tags: [tag] } }, Expiration: { Days: 1 } }],
  ['only removes expired delete markers', { Expiration: { ExpiredObjectDeleteMarker: true } }],
  ['moves to a class that links can read', { Transitions: [{ Days: 30, StorageClass: 'GLACIER_IR' }] }],
])('a rule that %s is no problem', (_which, more) => {
  expect(objectToRule(rule(more), 90)).toEqual([])
})

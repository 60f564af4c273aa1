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
  ['removes papers by their age', { Expiration: { Days: 10 } }, 'removes papers: 10 days'],
  ['removes them on a day', { Expiration: { Date: new Date('2030-01-01') } }, 'removes papers: 2030-01-01'],
  ['is of one firm', { Filter: { Prefix: 'security_firms/0b/' }, Expiration: { Days: 1 } }, 'removes papers'],
  ['is of large files', { Filter: { ObjectSizeGreaterThan: 9 }, Expiration: { Days: 1 } }, 'removes papers'],
  ['archives', { Transitions: [{ Days: 1, StorageClass: 'GLACIER' }] }, 'from where a link cannot give them'],
  ['keeps in one zone', { Transitions: [{ Days: 30, StorageClass: 'ONEZONE_IA' }] }, 'where one fire destroys them'],
])('a rule of somebody else’s that %s is what the bucket must not have', (_which, more, message) => {
  expect(objectToRule(rule(more), 90)).toEqual([{ isSerious: true, message: expect.stringContaining(message) }])
})

test('one that removes old versions sooner is worth knowing', () => {
  const sooner = rule({ NoncurrentVersionExpiration: { NoncurrentDays: 7 } })
  expect(objectToRule(sooner, 90)).toEqual([
    { isSerious: false, message: expect.stringContaining('sooner: after 7 days') },
  ])
  expect(objectToRule(sooner, 7)).toEqual([])
})

test.each<[string, Partial<LifecycleRule>]>([
  ['is off', { Status: 'Disabled', Expiration: { Days: 1 } }],
  ['is of another folder', { Filter: { Prefix: 'logs/' }, Expiration: { Days: 1 } }],
  ['is of what has a tag', { Filter: { Tag: tag }, Expiration: { Days: 1 } }],
  ['is of what has a tag, in another form', { Filter: { And: { Prefix: '', Tags: [tag] } }, Expiration: { Days: 1 } }],
  ['only takes empty markers away', { Expiration: { ExpiredObjectDeleteMarker: true } }],
  ['moves to where a link still reaches', { Transitions: [{ Days: 30, StorageClass: 'GLACIER_IR' }] }],
])('one that %s is nobody’s business', (_which, more) => {
  expect(objectToRule(rule(more), 90)).toEqual([])
})

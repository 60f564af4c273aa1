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

test.each<[string, Partial<LifecycleRule>, object]>([
  ['deletes documents by age', { Expiration: { Days: 10 } }, { kind: 'deletes_documents', days: 10 }],
  [
    'deletes them on a date',
    { Expiration: { Date: new Date('2030-01-01') } },
    { kind: 'deletes_documents', date: '2030-01-01T00:00:00.000Z' },
  ],
  [
    'covers one firm',
    { Filter: { Prefix: 'security_firms/0b/' }, Expiration: { Days: 1 } },
    { kind: 'deletes_documents' },
  ],
  [
    'covers large files',
    { Filter: { ObjectSizeGreaterThan: 9 }, Expiration: { Days: 1 } },
    { kind: 'deletes_documents' },
  ],
  [
    'archives',
    { Transitions: [{ Days: 1, StorageClass: 'GLACIER' }] },
    { kind: 'moves_documents', storageClass: 'GLACIER' },
  ],
  [
    'moves to one zone',
    { Transitions: [{ Days: 30, StorageClass: 'ONEZONE_IA' }] },
    { kind: 'moves_documents', storageClass: 'ONEZONE_IA' },
  ],
])('a foreign rule that %s is a serious problem', (_which, more, facts) => {
  expect(objectToRule(rule(more), 90)).toEqual([expect.objectContaining({ isSerious: true, rule: 'theirs', ...facts })])
})

test('a rule that deletes old versions sooner is a note', () => {
  const sooner = rule({ NoncurrentVersionExpiration: { NoncurrentDays: 7 } })
  expect(objectToRule(sooner, 90)).toEqual([
    { isSerious: false, kind: 'deletes_old_versions', rule: 'theirs', days: 7 },
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

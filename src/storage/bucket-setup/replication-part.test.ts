import type { ReplicationConfiguration } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'

import { loadConfig } from '../../config/load-config.ts'
import { openS3Client } from '../s3/requests/retrying-s3-client.ts'
import type { BucketChoices } from './bucket-rules.ts'
import { type Items, CannotApply, openContext } from './bucket-part.ts'
import { replicationPart } from './replication-part.ts'

const { s3: config } = loadConfig({ AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'y' })
const client = openS3Client({ config, log: { warn: () => undefined } })
const seen = { clockAheadMs: undefined, bucketRegion: undefined }
const context = openContext({ config, client, seen, signal: new AbortController().signal })
const role = 'arn:aws:iam::123456789012:role/ours'
const wish = { bucketArn: 'arn:aws:s3:::replica', role, kmsKey: undefined, followsDeletes: true }
const theirs: ReplicationConfiguration = {
  Role: 'arn:aws:iam::123456789012:role/theirs',
  Rules: [
    {
      ID: 'theirs',
      Priority: 7,
      Status: 'Enabled',
      Filter: { Prefix: 'logs/' },
      Destination: { Bucket: 'arn:aws:s3:::logs' },
    },
  ],
}
const wanted = (replication: BucketChoices['replication'], held?: ReplicationConfiguration) =>
  replicationPart.wanted({ choices: { origins: [], ...(replication && { replication }) }, setting: held, context })

test('removals here are replicated, unless the replica keeps deleted objects', () => {
  expect(wanted(wish)).toMatchObject({
    role,
    'paniq-replica': { Priority: 1, Filter: { Prefix: '' }, DeleteMarkerReplication: { Status: 'Enabled' } },
  })
  expect(wanted({ ...wish, followsDeletes: false })).toMatchObject({
    'paniq-replica': { DeleteMarkerReplication: { Status: 'Disabled' } },
  })
})

test('with a KMS key for the copies, objects encrypted with KMS are copied too', () => {
  const kmsKey = 'arn:aws:kms:eu-west-1:123456789012:key/1234abcd'
  expect(wanted({ ...wish, kmsKey })).toMatchObject({
    'paniq-replica': {
      SourceSelectionCriteria: { SseKmsEncryptedObjects: { Status: 'Enabled' } },
      Destination: { Bucket: wish.bucketArn, EncryptionConfiguration: { ReplicaKmsKeyID: kmsKey } },
    },
  })
})

test('S3 publishes replication metrics at Amazon, as in deploy/aws, and not in other stores', () => {
  const counted = { Bucket: wish.bucketArn, Metrics: { Status: 'Enabled' } }
  expect(wanted(wish)).toMatchObject({ 'paniq-replica': { Destination: counted } })

  const elsewhere = { ...context, config: { ...config, endpoint: 'http://127.0.0.1:9' } }
  const items = replicationPart.wanted({
    choices: { origins: [], replication: wish },
    setting: undefined,
    context: elsewhere,
  })
  expect(items['paniq-replica']).toMatchObject({ Destination: { Bucket: wish.bucketArn } })
  expect(JSON.stringify(items)).not.toContain('Metrics')
})

test('with --kms-key, a rule without a key for the copies is rejected', async () => {
  const kmsKey = 'arn:aws:kms:af-south-1:123456789012:key/1234abcd'
  const beside = (items: Items) => replicationPart.requireCompatible?.(context, { origins: [], kmsKey }, items)

  await expect(beside(wanted(wish))).rejects.toMatchObject({ conflict: { kind: 'skips_kms_objects' } })
  await expect(beside(wanted({ ...wish, kmsKey }))).resolves.toBeUndefined()
  await expect(beside({})).resolves.toBeUndefined()
})

test('foreign rules stay with their priority, and another role is a conflict', () => {
  expect(() => wanted(wish, theirs)).toThrow(new CannotApply({ kind: 'other_role', role: theirs.Role }))

  const items = wanted({ ...wish, role: theirs.Role ?? '' }, theirs)
  expect(items).toMatchObject({ 'paniq-replica': { Priority: 8 } })
  const merged = replicationPart.merge(theirs, items)
  expect(merged?.Rules?.map(({ ID }) => ID)).toEqual(['theirs', 'paniq-replica'])
  expect(replicationPart.merge(merged, wanted('off', merged))).toEqual(theirs)
})

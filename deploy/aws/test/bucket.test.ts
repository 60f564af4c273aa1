import type { Template } from 'aws-cdk-lib/assertions'
import { describe, expect, test } from 'vitest'

import { publicAccessBlock, corsRule, replicationRule } from '../../../src/storage/bucket-setup/bucket-rules.ts'
import { policyStatements } from '../../../src/storage/bucket-setup/policy-statements.ts'
import { lifecycleRules } from '../../../src/storage/bucket-setup/lifecycle-rules.ts'
import { account, buildExample, made, propertiesOf } from './build-example.ts'

const usual = buildExample()
const type = 'AWS::S3::Bucket'
const keyOf = (template: Template) => {
  const [name = ''] = Object.keys(template.findResources('AWS::KMS::Key'))
  return { 'Fn::GetAtt': [name, 'Arn'] }
}

describe.each([
  ['documents', usual.documents, 'documents'],
  ['their copies', usual.replica, 'documents-replica'],
] as const)('the bucket of %s', (_what, template, name) => {
  const bucket = propertiesOf(template, type)

  test('keeps versions, is closed to the public, and knows no owner but its own', () => {
    expect(bucket).toMatchObject({
      BucketName: name,
      VersioningConfiguration: { Status: 'Enabled' },
      PublicAccessBlockConfiguration: publicAccessBlock,
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
    })
  })

  test('encrypts with a key of its own, asked for once in a while', () => {
    expect(bucket['BucketEncryption']).toEqual({
      ServerSideEncryptionConfiguration: [
        {
          ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: keyOf(template) },
          BucketKeyEnabled: true,
        },
      ],
    })
    expect(propertiesOf(template, 'AWS::KMS::Key')).toMatchObject({ EnableKeyRotation: true, PendingWindowInDays: 30 })
  })

  test('has the lifecycle of `s3 setup`, word for word', () => {
    expect(lifecycleIn(bucket)).toEqual(
      lifecycleRules({ noncurrentDays: 90, transition: undefined, quarantineDays: undefined }),
    )
  })

  test('refuses plain HTTP and old signatures as `s3 setup` has it', () => {
    expect(statementsOf(template)).toEqual(expect.arrayContaining(policyStatements(`arn:aws:s3:::${name}`)))
  })

  test('and its key outlive the stack', () => {
    for (const kind of [type, 'AWS::KMS::Key'])
      for (const resource of Object.values(template.findResources(kind)))
        expect(resource).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' })
  })
})

test('nine days, 30 and 90 are what the lifecycle of the documents says in the words of CloudFormation', () => {
  expect(propertiesOf(usual.documents, type)).toMatchObject({
    LifecycleConfiguration: {
      Rules: [
        { Prefix: '', AbortIncompleteMultipartUpload: { DaysAfterInitiation: 9 }, Status: 'Enabled' },
        {
          Prefix: 'security_firms/',
          NoncurrentVersionTransitions: [{ TransitionInDays: 30, StorageClass: 'STANDARD_IA' }],
          NoncurrentVersionExpiration: { NoncurrentDays: 90 },
          ExpiredObjectDeleteMarker: true,
        },
        { Prefix: 'quarantine/' },
        { Prefix: 'test/connection_test.txt' },
      ],
    },
  })
})

test('another number of days goes to both buckets', () => {
  const { documents, replica } = buildExample({ noncurrentDays: 400 })
  for (const template of [documents, replica])
    expect(lifecycleIn(propertiesOf(template, type))).toEqual(
      lifecycleRules({ noncurrentDays: 400, transition: undefined, quarantineDays: undefined }),
    )
})

test('every document is copied to the other region as `s3 setup` has it, under the other key, and counted', () => {
  const { Rules: rules } = propertiesOf(usual.documents, type)['ReplicationConfiguration'] as { Rules: object[] }
  const wanted = replicationRule(
    { bucketArn: 'arn:aws:s3:::documents-replica', kmsKey: made.replicaKey, followsDeletes: true },
    1,
  )
  const { ID, ...rest } = wanted
  expect(rules).toEqual([{ Id: ID, ...rest }])
  expect(rules).toMatchObject([{ Destination: { Metrics: { Status: 'Enabled' } } }])
  expect(propertiesOf(usual.replica, type)).not.toHaveProperty('ReplicationConfiguration')
})

test('pages of the origins that were given may read links, and none where none was', () => {
  const { documents } = buildExample({ origins: 'https://a.example,https://b.example' })
  const { ID, ExposeHeaders, MaxAgeSeconds, ...rest } = corsRule(['https://a.example', 'https://b.example'])

  expect(propertiesOf(documents, type)['CorsConfiguration']).toEqual({
    CorsRules: [{ Id: ID, ...rest, ExposedHeaders: ExposeHeaders, MaxAge: MaxAgeSeconds }],
  })
  expect(propertiesOf(usual.documents, type)).not.toHaveProperty('CorsConfiguration')
})

test('the distribution reads documents and decrypts them, that one alone and nothing beside documents', () => {
  const only = {
    StringEquals: { 'AWS:SourceArn': `arn:aws:cloudfront::${account}:distribution/${made.distribution}` },
  }
  const allowed = statementsOf(usual.documents).filter(({ Effect }) => Effect === 'Allow')
  expect(allowed).toEqual([
    {
      Sid: 'CloudFrontReadsDocuments',
      Effect: 'Allow',
      Principal: { Service: 'cloudfront.amazonaws.com' },
      Action: 's3:GetObject',
      Resource: 'arn:aws:s3:::documents/security_firms/*',
      Condition: only,
    },
  ])
  const { Statement: ofKey } = propertiesOf(usual.documents, 'AWS::KMS::Key')['KeyPolicy'] as { Statement: object[] }
  expect(ofKey).toEqual([
    expect.objectContaining({ Principal: { AWS: `arn:aws:iam::${account}:root` } }),
    expect.objectContaining({
      Principal: { Service: 'cloudfront.amazonaws.com' },
      Action: 'kms:Decrypt',
      Condition: only,
    }),
  ])
  expect(statementsOf(usual.replica).filter(({ Effect }) => Effect === 'Allow')).toEqual([])
})

type Statement = { Effect: string }

function statementsOf(template: Template): Statement[] {
  const { PolicyDocument: document } = propertiesOf(template, 'AWS::S3::BucketPolicy')
  return (document as { Statement: Statement[] }).Statement
}

type RuleOfCloudFormation = {
  Id: string
  Prefix: string
  NoncurrentVersionTransitions?: { TransitionInDays: number; StorageClass: string }[]
  ExpirationInDays?: number
  ExpiredObjectDeleteMarker?: true
}

/** In the words of S3's own API, to compare with what `s3 setup` would put there. */
function lifecycleIn(bucket: Record<string, unknown>): object[] {
  const { Rules: rules } = bucket['LifecycleConfiguration'] as { Rules: RuleOfCloudFormation[] }
  return rules.map(inWordsOfS3)
}

function inWordsOfS3({ Id: ID, Prefix, NoncurrentVersionTransitions: moves, ...rule }: RuleOfCloudFormation): object {
  const { ExpiredObjectDeleteMarker: marker, ...rest } = rule
  return {
    ID,
    Filter: { Prefix },
    ...rest,
    ...(moves && {
      NoncurrentVersionTransitions: moves.map(({ TransitionInDays, StorageClass }) => ({
        NoncurrentDays: TransitionInDays,
        StorageClass,
      })),
    }),
    ...(marker && { Expiration: { ExpiredObjectDeleteMarker: true } }),
  }
}

import {
  PutBucketCorsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { describe, expect, test } from 'vitest'

import type { FreshBucket } from '../../support/s3/fresh-bucket.ts'
import { readBucketSetup } from '../../support/s3/read-bucket-setup.ts'
import { s3ClientOf } from '../../support/services/packages/s3-client.ts'
import { bucketForTest } from '../../support/cli/s3-settings.ts'
import { changesIn, listenIn, operatorOf, outcomesOf, setUp, setupOf } from './set-up.ts'

const origins = { CORS_ORIGINS: 'https://portal.example', PUBLIC_URL: 'https://documents.example/documents' }

describe('a new bucket', () => {
  test('gets every setting that this store supports, and still accepts the service’s documents', async () => {
    const bucket = await bucketForTest()
    const { code, stdout } = await setUp(operatorOf(bucket, origins))

    expect(code).toBe(0)
    expect(stdout).toContain('✓ Versioning: changed')
    expect(stdout).toContain('! Default encryption: not set')
    const setup = await readBucketSetup(bucket.client, bucket.name)
    expect(setup).toMatchObject({
      versioning: 'Enabled',
      // With BlockPublicAcls the gateway rejects every upload. It accepts an encryption and then does the same.
      publicAccess: {
        BlockPublicAcls: false,
        IgnorePublicAcls: true,
        BlockPublicPolicy: true,
        RestrictPublicBuckets: true,
      },
      encryption: undefined,
      cors: [
        { AllowedOrigins: ['https://documents.example', 'https://portal.example'], AllowedMethods: ['GET', 'HEAD'] },
      ],
    })
    expect(setup.policy?.map(({ Sid }) => Sid)).toEqual(['PaniqTlsOnly', 'PaniqNoOldSignatures'])
    expect(idsOf(setup)).toEqual(defaultRules)
    await putAsService(bucket)
  })

  test('is unchanged by a second run, also in between', async () => {
    const bucket = await bucketForTest()
    const { settings, calls } = await listenIn(bucket)
    await setUp({ ...settings, ...origins })
    const before = await readBucketSetup(bucket.client, bucket.name)
    expect(changesIn(calls)).not.toEqual([])
    calls.length = 0

    const { code, stdout } = await setUp({ ...settings, ...origins })
    expect({ code, changes: changesIn(calls) }).toEqual({ code: 0, changes: [] })
    expect(stdout).toContain('✓ Nothing was changed.')
    expect(await readBucketSetup(bucket.client, bucket.name)).toEqual(before)
  })

  test('is not changed by a dry run, which prints the differences', async () => {
    const bucket = await bucketForTest()
    const { settings, calls } = await listenIn(bucket)
    const { code, stdout } = await setUp(settings, '--dry-run')

    expect(code).toBe(0)
    expect(stdout).toContain('  - versioning: off\n  + versioning: Enabled\n')
    expect(stdout).toMatch(/\+ paniq-old-versions: .*"NoncurrentDays":90/)
    expect(stdout).toContain('5 parts would be changed. Nothing was changed.')
    expect(calls.filter((call) => !call.startsWith('GET bucket'))).toEqual([])
  })

  test('is described part by part with --json', async () => {
    const report = await setupOf(operatorOf(await bucketForTest()))

    expect(outcomesOf(report)).toEqual({
      versioning: 'changed',
      public_access: 'changed',
      encryption: 'lacking',
      policy: 'changed',
      lifecycle: 'changed',
      cors: 'not_asked',
      replication: 'not_asked',
    })
    expect(report.parts[0]?.changes).toEqual([{ item: 'versioning', from: 'off', to: 'Enabled' }])
  })
})

describe('foreign settings', () => {
  const theirRule = { ID: 'logs', Status: 'Enabled', Filter: { Prefix: 'logs/' }, Expiration: { Days: 30 } } as const
  const theirOrigin = { ID: 'theirs', AllowedOrigins: ['https://their.example'], AllowedMethods: ['GET'] }

  test('stay: lifecycle rules, policy statements, CORS rules', async () => {
    const bucket = await bucketForTest()
    const { client, name: Bucket } = bucket
    await putRule(bucket, theirRule)
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [allowSomebody(Bucket)] })
    await client.send(new PutBucketPolicyCommand({ Bucket, Policy }))
    await client.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules: [theirOrigin] } }))
    await setUp(operatorOf(bucket, origins))
    // Again with our own rules.
    await setUp(operatorOf(bucket, { CORS_ORIGINS: 'https://other.example' }), '--noncurrent-days', '365')

    const setup = await readBucketSetup(client, Bucket)
    expect(idsOf(setup)).toEqual(['logs', ...defaultRules].toSorted())
    expect(setup.lifecycle?.find(({ ID }) => ID === 'logs')).toEqual(theirRule)
    expect(setup.policy?.map(({ Sid }) => Sid)).toEqual(['Theirs', 'PaniqTlsOnly', 'PaniqNoOldSignatures'])
    expect(setup.policy?.[0]).toEqual(allowSomebody(Bucket))
    expect(setup.cors?.map(({ AllowedOrigins }) => AllowedOrigins)).toEqual([
      ['https://their.example'],
      ['https://other.example'],
    ])
  })

  test('that destroy documents are named, and the command fails until they are removed', async () => {
    const bucket = await bucketForTest()
    await putRule(bucket, { ...theirRule, ID: 'cleanup', Filter: { Prefix: '' } })
    const first = await setUp(operatorOf(bucket))
    expect(first.code).toBe(1)
    expect(first.stdout).toMatch(
      /✗ The rule cleanup, which this command does not own, deletes documents: 30 days after/,
    )
    expect(idsOf(await readBucketSetup(bucket.client, bucket.name))).toContain('paniq-old-versions')

    await putRule(bucket, theirRule)
    expect((await setUp(operatorOf(bucket))).code).toBe(0)
  })

  test('that allow public access are named', async () => {
    const bucket = await bucketForTest()
    const Statement = [{ ...allowSomebody(bucket.name), Sid: 'Everybody', Principal: '*' }]
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement })
    await bucket.client.send(new PutBucketPolicyCommand({ Bucket: bucket.name, Policy }))

    const { code, stdout } = await setUp(operatorOf(bucket))
    expect(code).toBe(1)
    expect(stdout).toContain('The statement Everybody, which this command does not own, allows everybody')
  })
})

describe('an option', () => {
  test('stays in force when a later run omits it, and ends with off', async () => {
    const bucket = await bucketForTest()
    const settings = operatorOf(bucket)
    await setUp(settings, '--noncurrent-days', '400', '--transition-days', '60', '--quarantine-days', '180')
    const chosen = await readBucketSetup(bucket.client, bucket.name)
    expect(idsOf(chosen)).toEqual(['paniq-current-versions', ...defaultRules].toSorted())
    expect(ruleOf(chosen, 'paniq-old-versions')).toMatchObject({
      NoncurrentVersionTransitions: [{ NoncurrentDays: 30, StorageClass: 'STANDARD_IA' }],
      NoncurrentVersionExpiration: { NoncurrentDays: 400 },
    })
    expect(ruleOf(chosen, 'paniq-current-versions')?.Transitions).toEqual([{ Days: 60, StorageClass: 'STANDARD_IA' }])
    expect(ruleOf(chosen, 'paniq-quarantine')?.Expiration).toEqual({ Days: 180 })

    expect((await setUp(settings)).stdout).toContain('Nothing was changed.')
    await setUp(settings, '--transition-days', 'off', '--quarantine-days', 'off')
    const after = await readBucketSetup(bucket.client, bucket.name)
    expect(idsOf(after)).toEqual(defaultRules)
    expect(ruleOf(after, 'paniq-quarantine')?.Expiration).toEqual({ ExpiredObjectDeleteMarker: true })
    expect(ruleOf(after, 'paniq-old-versions')?.NoncurrentVersionExpiration).toEqual({ NoncurrentDays: 400 })
  })

  test('for origins that are no longer configured is removed, so that their pages can read nothing', async () => {
    const bucket = await bucketForTest()
    await setUp(operatorOf(bucket, origins))
    await setUp(operatorOf(bucket))

    expect((await readBucketSetup(bucket.client, bucket.name)).cors).toBeUndefined()
  })

  test('that this store does not support fails, the other parts are set, and documents are accepted', async () => {
    const bucket = await bucketForTest()
    const key = 'arn:aws:kms:af-south-1:123456789012:key/1234abcd'
    const role = 'arn:aws:iam::123456789012:role/replication'
    const replica = ['--replicate-to', 'elsewhere', '--replication-role', role, '--replica-kms-key', key]
    const report = await setupOf(operatorOf(bucket), '--kms-key', key, ...replica)

    expect(outcomesOf(report)).toMatchObject({ encryption: 'failed', lifecycle: 'changed', replication: 'failed' })
    expect(report.parts.at(-1)?.says).toBe('This store does not support it')
    expect((await readBucketSetup(bucket.client, bucket.name)).encryption).toBeUndefined()
    await putAsService(bucket)
  })
})

const defaultRules = ['paniq-connection-test', 'paniq-old-versions', 'paniq-quarantine', 'paniq-unfinished-uploads']

type Setup = Awaited<ReturnType<typeof readBucketSetup>>

function idsOf({ lifecycle = [] }: Setup): string[] {
  return lifecycle.map(({ ID = '' }) => ID).toSorted()
}

function ruleOf({ lifecycle = [] }: Setup, id: string) {
  return lifecycle.find(({ ID }) => ID === id)
}

type Rule = { ID: string; Status: 'Enabled'; Filter: { Prefix: string }; Expiration: { Days: number } }

/** Replaces all others. */
async function putRule({ client, name: Bucket }: FreshBucket, rule: Rule): Promise<void> {
  const LifecycleConfiguration = { Rules: [rule] }
  await client.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration }))
}

function allowSomebody(bucket: string) {
  const Resource = [`arn:aws:s3:::${bucket}/shared/*`]
  return {
    Sid: 'Theirs',
    Effect: 'Allow',
    Principal: { AWS: ['arn:aws:iam:::user/app'] },
    Action: ['s3:GetObject'],
    Resource,
  }
}

async function putAsService({ name, s3 }: FreshBucket): Promise<void> {
  const client = s3ClientOf(s3, s3.app)
  await client.send(new PutObjectCommand({ Bucket: name, Key: 'security_firms/a/document.pdf', Body: 'x' }))
  client.destroy()
}

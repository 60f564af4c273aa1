import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'

import { type FreshBucket, freshBucket } from '../../support/s3/fresh-bucket.ts'
import { readBucketSetup } from '../../support/s3/read-bucket-setup.ts'
import { type RunningMoto, startMoto } from '../../support/services/programs/moto.ts'
import { openStoreInBetween } from '../../support/cli/s3-proxy.ts'
import { changesIn, listenIn, operatorOf, outcomesOf, setUp, setupOf } from './set-up.ts'

let moto: RunningMoto
beforeAll(async () => {
  moto = await startMoto()
}, 120_000)
afterAll(async () => {
  await moto.stop()
})

async function bucketOnMoto(): Promise<FreshBucket> {
  const bucket = await freshBucket(moto.s3)
  onTestFinished(() => bucket.remove())
  return bucket
}

const role = 'arn:aws:iam::123456789012:role/replication'
const key = 'arn:aws:kms:af-south-1:123456789012:key/1234abcd'
// This store reports for every rule that deletions do not follow.
const replica = ['--replicate-to', 'elsewhere', '--replication-role', role, '--replica-keeps-deleted']

describe('a store with the features that the gateway lacks', () => {
  test('gets all four switches of the public-access block, encryption and replication', async () => {
    const bucket = await bucketOnMoto()
    const { code } = await setUp(operatorOf(bucket, { CORS_ORIGINS: 'https://portal.example' }), ...replica)

    expect(code).toBe(0)
    expect(await readBucketSetup(bucket.client, bucket.name)).toMatchObject({
      versioning: 'Enabled',
      publicAccess: {
        BlockPublicAcls: true,
        IgnorePublicAcls: true,
        BlockPublicPolicy: true,
        RestrictPublicBuckets: true,
      },
      encryption: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      lifecycle: Array.from({ length: 4 }, () => expect.objectContaining({ Status: 'Enabled' })),
      cors: [{ AllowedOrigins: ['https://portal.example'] }],
      replication: {
        Role: role,
        Rules: [{ ID: 'paniq-replica', Status: 'Enabled', Destination: { Bucket: 'arn:aws:s3:::elsewhere' } }],
      },
    })
  })

  const encrypted = {
    ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: key },
    BucketKeyEnabled: true,
  }
  test.each<[string, string[], object]>([
    ['encrypted', ['--kms-key', key], { encryption: [encrypted] }],
    ['replicated', replica, { replication: { Role: role } }],
  ])('with %s stays unchanged by a second run without options', async (_how, asked, found) => {
    const bucket = await bucketOnMoto()
    const { settings, calls } = await listenIn(bucket)
    await setUp(settings, ...asked)
    const before = await readBucketSetup(bucket.client, bucket.name)
    expect(before).toMatchObject(found)
    calls.length = 0

    expect((await setUp(settings)).stdout).toContain('Nothing was changed.')
    // This store ignores the condition of a statement: each run tries the policy on one object of ours, and undoes it.
    expect([...new Set(changesIn(calls))]).toEqual(['PUT bucket?policy', 'DELETE bucket?policy'])
    expect(await readBucketSetup(bucket.client, bucket.name)).toEqual(before)
  })

  test('that a trial policy locks out is left without the policy', async () => {
    const bucket = await bucketOnMoto()
    const policies: string[] = []
    const endpoint = await openStoreInBetween({
      behind: bucket.s3.endpoint,
      answer: (call, body) => void (call === 'PUT bucket?policy' && policies.push(body)),
    })
    const report = await setupOf(operatorOf(bucket, { AWS_ENDPOINT_URL_S3: endpoint }))

    expect(outcomesOf(report)).toMatchObject({ policy: 'lacking', lifecycle: 'changed' })
    const resources = policies.flatMap((text) => JSON.parse(text).Statement.map(({ Resource }: Statement) => Resource))
    const ours = [`arn:aws:s3:::${bucket.name}/test/connection_test.txt`]
    expect(resources).toEqual([ours, ours])
    expect((await readBucketSetup(bucket.client, bucket.name)).policy).toBeUndefined()
  })

  test('that stores another setting than requested is reported, and the command fails', async () => {
    const report = await setupOf(operatorOf(await bucketOnMoto()), ...replica.slice(0, -1))

    expect(report.ok).toBe(false)
    expect(outcomesOf(report)).toMatchObject({ lifecycle: 'changed', replication: 'failed' })
    expect(report.parts.at(-1)?.says).toMatch(
      /accepted the setting but changed it: .*"DeleteMarkerReplication":{"Status":"Disabled"}/,
    )
  })

  test('with a KMS key gets no replication rule that would copy nothing, and an existing one is named', async () => {
    const bucket = await bucketOnMoto()
    await setUp(operatorOf(bucket), '--kms-key', key)
    const refused = await setupOf(operatorOf(bucket), ...replica)
    expect(outcomesOf(refused)).toMatchObject({ encryption: 'unchanged', replication: 'failed' })
    expect((await readBucketSetup(bucket.client, bucket.name)).replication).toBeUndefined()

    const other = await bucketOnMoto()
    await setUp(operatorOf(other), ...replica)
    await setUp(operatorOf(other), '--kms-key', key)
    const named = await setupOf(operatorOf(other))
    expect(named.ok).toBe(false)
    for (const report of [refused, named])
      expect(report.parts.at(-1)?.says).toMatch(/silently skips such objects.*--replica-kms-key/)

    expect((await setUp(operatorOf(other), '--replicate-to', 'off')).code).toBe(0)
  })

  test('stops replicating on request', async () => {
    const bucket = await bucketOnMoto()
    await setUp(operatorOf(bucket), ...replica)
    expect((await setUp(operatorOf(bucket), '--replicate-to', 'off')).code).toBe(0)
    expect((await readBucketSetup(bucket.client, bucket.name)).replication).toBeUndefined()
  })
})

type Statement = { Resource: string[] }

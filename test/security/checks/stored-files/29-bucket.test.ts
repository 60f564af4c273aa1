import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { reportOf } from '../../../cli/s3/s3-report.ts'
import { operatorOf } from '../../../cli/s3/set-up.ts'
import { openStoreInBetween, refusal } from '../../../support/cli/s3-proxy.ts'
import { type FreshBucket, freshBucket } from '../../../support/s3/fresh-bucket.ts'
import { readBucketSetup } from '../../../support/s3/read-bucket-setup.ts'
import { type RunningMoto, startMoto } from '../../../support/services/programs/moto.ts'
import { setUpByDefault } from '../../../support/s3/set-up-bucket.ts'
import { describeCheck } from '../../describe-check.ts'

const Key = 'security_firms/a/document.pdf'

describeCheck(29, () => {
  let bucket: FreshBucket
  let bare: FreshBucket
  beforeAll(async () => {
    bucket = await freshBucket()
    bare = await freshBucket()
    await setUpByDefault(bucket)
  })
  afterAll(async () => {
    await bucket.remove()
    await bare.remove()
  })

  describe('after s3 setup', () => {
    it('nobody reads without a signature an object that an ACL opens to everybody, as was possible before', async () => {
      const status: number[] = []
      for (const { client, name, s3 } of [bare, bucket]) {
        await client.send(new PutObjectCommand({ Bucket: name, Key, Body: 'x', ACL: 'public-read' }))
        const answer = await fetch(`${s3.endpoint}/${name}/${Key}`)
        await answer.text()
        status.push(answer.status)
      }
      expect(status).toEqual([200, 403])
    })

    it('a policy that allows public access is rejected', async () => {
      await bare.client.send(new PutBucketPolicyCommand(policyFor(bare.name)))
      const refused = bucket.client.send(new PutBucketPolicyCommand(policyFor(bucket.name)))
      await expect(refused).rejects.toMatchObject({ name: 'AccessDenied' })
    })

    it('the bucket’s own policy rejects every request without TLS', async () => {
      const { policy } = await readBucketSetup(bucket.client, bucket.name)
      expect(policy).toContainEqual({
        Sid: 'PaniqTlsOnly',
        Effect: 'Deny',
        Principal: { AWS: '*' },
        Action: ['s3:*'],
        Resource: [`arn:aws:s3:::${bucket.name}`, `arn:aws:s3:::${bucket.name}/*`],
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      })
    })

    it('replaced and removed objects can still be read by an operator', async () => {
      const place = { Bucket: bucket.name, Key: `${Key}.2` }
      const { VersionId } = await bucket.client.send(new PutObjectCommand({ ...place, Body: 'first' }))
      await bucket.client.send(new PutObjectCommand({ ...place, Body: 'second' }))
      await bucket.client.send(new DeleteObjectCommand(place))

      const { Body: body } = await bucket.client.send(new GetObjectCommand({ ...place, VersionId }))
      expect(await body?.transformToString()).toBe('first')
    })

    it('unfinished uploads are aborted after nine days, under every prefix', async () => {
      const { lifecycle } = await readBucketSetup(bucket.client, bucket.name)
      const rules = lifecycle?.filter(({ AbortIncompleteMultipartUpload: abort }) => abort?.DaysAfterInitiation === 9)
      expect(rules?.map(({ Status, Filter, Prefix }) => [Status, Filter?.Prefix ?? Prefix])).toEqual([['Enabled', '']])
    })
  })

  describe('if the store supports them', () => {
    let moto: RunningMoto
    let other: FreshBucket
    beforeAll(async () => {
      moto = await startMoto()
      other = await freshBucket(moto.s3)
    }, 120_000)
    afterAll(() => moto.stop())

    it('all four switches of the public-access block are on, and new objects are encrypted', async () => {
      const place = { Bucket: other.name, Key }
      await setUpByDefault(other)
      await other.client.send(new PutObjectCommand({ ...place, Body: 'x' }))

      const { publicAccess, encryption } = await readBucketSetup(other.client, other.name)
      expect(Object.values(publicAccess ?? {})).toEqual([true, true, true, true])
      expect(encryption?.[0]?.ApplyServerSideEncryptionByDefault).toEqual({ SSEAlgorithm: 'AES256' })
      expect((await other.client.send(new HeadObjectCommand(place))).ServerSideEncryption).toBe('AES256')
    })
  })

  describe('the connection test', () => {
    it('names each missing safeguard and the command that sets it, without failing', async () => {
      expect(await safeguardsOf(operatorOf(bare))).toMatchObject({
        ok: true,
        outcome: 'note',
        says: 'Safeguards of the bucket: it is not versioned; it is not closed to the public; it has no default encryption; its policy allows requests without TLS; its policy allows signatures of any age; no rule deletes unfinished uploads',
        advice: expect.stringContaining('s3 setup'),
      })
    })

    it('finds only unsupported safeguards missing after s3 setup', async () => {
      expect(await safeguardsOf(operatorOf(bucket))).toMatchObject({
        ok: true,
        says: 'Safeguards of the bucket: it has no default encryption',
        advice: expect.stringContaining('may stay as they are'),
      })
    })

    it('reports the safeguards that these credentials may not read, without failing', async () => {
      const endpoint = await openStoreInBetween({
        behind: bucket.s3.endpoint,
        answer: (call) => (call.startsWith('GET bucket?') ? refusal(403, 'AccessDenied') : undefined),
      })
      expect(await safeguardsOf(operatorOf(bucket, { AWS_ENDPOINT_URL_S3: endpoint }))).toMatchObject({
        ok: true,
        outcome: 'skipped',
        says: 'Safeguards of the bucket: not readable with these credentials',
      })
    })
  })
})

function policyFor(bucket: string) {
  const Resource = `arn:aws:s3:::${bucket}/*`
  const Statement = [{ Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource }]
  return { Bucket: bucket, Policy: JSON.stringify({ Version: '2012-10-17', Statement }) }
}

async function safeguardsOf(settings: Record<string, string>) {
  const report = await reportOf(settings)
  return { ok: report.ok, ...report.steps.find(({ step }) => step === 'safeguards') }
}

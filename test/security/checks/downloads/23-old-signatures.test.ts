import { PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { loadConfig } from '../../../../src/config/load-config.ts'
import { createS3LinkSigner } from '../../../../src/storage/links/s3-links.ts'
import { requireStorageKey } from '../../../../src/storage/storage-key.ts'
import { type FreshBucket, freshBucket } from '../../../support/s3/fresh-bucket.ts'
import { readBucketSetup } from '../../../support/s3/read-bucket-setup.ts'
import { s3Settings } from '../../../support/s3/s3-settings.ts'
import { setUpByDefault } from '../../../support/s3/set-up-bucket.ts'
import { describeCheck } from '../../describe-check.ts'

const id = '0b8f6f0e-7c2e-4a55-9d3c-0c5a6f1d2e3b'
const key = requireStorageKey(`security_firms/${id}/vat_certificate_${id}.pdf`)

describeCheck(23, () => {
  let bucket: FreshBucket
  beforeAll(async () => {
    bucket = await freshBucket()
    await setUpByDefault(bucket)
  })
  afterAll(() => bucket.remove())

  it('the bucket itself rejects a signature older than an hour, whatever lifetime it claims', async () => {
    const { policy } = await readBucketSetup(bucket.client, bucket.name)
    expect(policy).toContainEqual({
      Sid: 'PaniqNoOldSignatures',
      Effect: 'Deny',
      Principal: { AWS: '*' },
      Action: ['s3:*'],
      Resource: [`arn:aws:s3:::${bucket.name}`, `arn:aws:s3:::${bucket.name}/*`],
      Condition: { NumericGreaterThan: { 's3:signatureAge': '3600000' } },
    })
  })

  it('and accepts a link that was signed for the whole hour', async () => {
    await bucket.client.send(new PutObjectCommand({ Bucket: bucket.name, Key: key, Body: 'a document' }))
    const { s3: config } = loadConfig(s3Settings(bucket))
    const sign = createS3LinkSigner({ config, credentials: bucket.client.config.credentials, now: () => new Date() })
    const link = { fileName: 'document.pdf', contentType: 'application/pdf', disposition: 'attachment' } as const
    const answer = await fetch((await sign(key, { ...link, seconds: 3600 })).url)

    expect([answer.status, await answer.text()]).toEqual([200, 'a document'])
  })
})

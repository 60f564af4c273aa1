import { randomUUID } from 'node:crypto'

import { CreateMultipartUploadCommand, DeleteBucketPolicyCommand, PutBucketPolicyCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { storageKeyOf } from '../../src/storage/storage-key.ts'
import type { FirmId, StorageKey, VersionId } from '../../src/vocabulary/vocabulary.ts'
import { freshBucket, type FreshBucket } from '../support/s3/fresh-bucket.ts'
import { listBucket } from '../support/s3/list-everything.ts'
import { makeFirm } from '../support/people/people.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { inTwoDays, runVerify } from '../support/verifying/run-verify.ts'

describe('verify, for unfinished uploads on S3', () => {
  let bucket: FreshBucket
  let service: TestService
  let firmId: FirmId
  beforeAll(async () => {
    bucket = await freshBucket()
  })
  afterAll(async () => bucket.remove())

  async function begin(): Promise<{ key: StorageKey; id: string }> {
    const key = storageKeyOf({ firmId, documentType: 'tax_clearance', uuid: randomUUID(), extension: 'pdf' })
    const command = new CreateMultipartUploadCommand({ Bucket: bucket.name, Key: key })
    return { key, id: (await bucket.client.send(command)).UploadId ?? raise('it has no id') }
  }
  const open = async () =>
    (await listBucket(bucket.client, bucket.name)).flatMap((each) => ('uploadId' in each ? [each.uploadId] : []))

  it('names those that no row names, and aborts them after the grace period', async () => {
    const { accessKeyId, secretAccessKey } = bucket.s3.owner
    service = await startService({
      ...s3Settings(bucket),
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    })
    firmId = await makeFirm(service.app)
    const [lost, underway] = [await begin(), await begin()]
    await service.app.db
      .insertInto('document_blobs')
      .values({
        firm_id: firmId,
        version_id: randomUUID() as VersionId,
        store: 's3',
        storage_key: underway.key,
        state: 'incoming',
        multipart_id: underway.id,
      })
      .execute()

    const young = await runVerify(service.app, { repairs: 'few' })
    expect(young).toMatchObject({ isRight: false, findings: { orphan_upload: 1, aborted: 0 } })
    expect(young.keysOf('orphan_upload')).toEqual([lost.key])
    expect((await open()).toSorted()).toEqual([lost.id, underway.id].toSorted())

    const old = await runVerify(inTwoDays(service.app), { repairs: 'few' })
    expect(old).toMatchObject({ isRight: true, findings: { orphan_upload: 1, aborted: 1 } })
    expect(await open()).toEqual([underway.id])
    await service.stop()
  })

  it('names the missing permission if the credentials may not list them, without failing', async () => {
    const lacking = await freshBucket()
    const Bucket = lacking.name
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Deny', Principal: '*', Action: 's3:ListBucketMultipartUploads', Resource: `arn:aws:s3:::${Bucket}` },
      ],
    })
    await lacking.client.send(new PutBucketPolicyCommand({ Bucket, Policy }))
    service = await startService(s3Settings(lacking))

    const done = await runVerify(service.app)

    expect(done.notes.join()).toContain('s3:ListBucketMultipartUploads')
    expect(done.isRight).toBe(true)
    expect(service.logLines.filter((line) => /"level":"(warn|error)".*"s3_operation"/.test(line))).toEqual([])
    await service.stop()
    await lacking.client.send(new DeleteBucketPolicyCommand({ Bucket }))
    await lacking.remove()
  })
})

function raise(message: string): never {
  throw new Error(message)
}

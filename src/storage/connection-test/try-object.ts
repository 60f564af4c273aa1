import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'

import { type ConnectionStep, testKey, testText } from './connection-step.ts'

export const putObject: ConnectionStep = {
  step: 'put',
  title: `Put ${testKey} (s3:PutObject)`,
  after: ['bucket'],
  right: 's3:PutObject',
  async run({ client, config }) {
    await client.send(
      new PutObjectCommand({ Bucket: config.bucket, Key: testKey, Body: testText, ContentType: 'text/plain' }),
    )
    return 'ok'
  },
}

export const getObject: ConnectionStep = {
  step: 'get',
  title: 'Get it back, unchanged (s3:GetObject)',
  after: ['put'],
  right: 's3:GetObject',
  async run({ client, config }) {
    const { Body: body } = await client.send(new GetObjectCommand({ Bucket: config.bucket, Key: testKey }))
    if ((await body?.transformToString()) !== testText)
      return {
        outcome: 'failed',
        says: 'What came back is not what was put',
        advice: 'Does something between this machine and the store change what passes, or keep an older copy?',
      }
    return 'ok'
  },
}

export const deleteObject: ConnectionStep = {
  step: 'delete',
  title: 'Delete it (s3:DeleteObject)',
  after: ['put'],
  right: 's3:DeleteObject',
  async run({ client, config }) {
    await client.send(new DeleteObjectCommand({ Bucket: config.bucket, Key: testKey }))
    return 'ok'
  },
}

/** Files above 16 MiB go up in parts; an upload that fails must not leave its parts to be paid for. */
export const abortMultipart: ConnectionStep = {
  step: 'abort_multipart',
  title: 'Abort an upload in parts (s3:AbortMultipartUpload)',
  after: ['put'],
  right: 's3:AbortMultipartUpload',
  async run({ client, config }) {
    const place = { Bucket: config.bucket, Key: testKey }
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(place))
    try {
      await client.send(new UploadPartCommand({ ...place, UploadId, PartNumber: 1, Body: testText }))
    } finally {
      await client.send(new AbortMultipartUploadCommand({ ...place, UploadId }))
    }
    return 'ok'
  },
}

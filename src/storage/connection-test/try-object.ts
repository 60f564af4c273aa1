import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'

import type { S3Config } from '../../config/load-config.ts'
import type { StorageKey } from '../../vocabulary/vocabulary.ts'
import { createS3LinkSigner } from '../links/s3-links.ts'
import { s3FailureOf } from '../s3/requests/s3-errors.ts'
import { testKey, testText } from '../storage-key.ts'
import type { ConnectionStep, ConnectionTest, Finding } from './connection-step.ts'

const objectOf = ({ bucket }: S3Config) => ({ Bucket: bucket, Key: testKey })

/** The steps that use the test object, in the order of their run. */
export const objectSteps: ConnectionStep[] = [
  {
    step: 'put',
    after: ['bucket'],
    right: 's3:PutObject',
    changes: true,
    async run({ client, config }) {
      await client.send(new PutObjectCommand({ ...objectOf(config), Body: testText, ContentType: 'text/plain' }))
      return undefined
    },
  },
  {
    step: 'get',
    after: ['put'],
    right: 's3:GetObject',
    async run({ client, config }) {
      const { Body: body } = await client.send(new GetObjectCommand(objectOf(config)))
      const isSame = (await body?.transformToString()) === testText
      return isSame ? undefined : { outcome: 'failed', kind: 'other_content' }
    },
  },
  { step: 'presigned_get', after: ['put'], right: 's3:GetObject', run: followLink },
  {
    step: 'delete',
    after: ['put'],
    right: 's3:DeleteObject',
    changes: true,
    async run({ client, config }) {
      await client.send(new DeleteObjectCommand(objectOf(config)))
      return undefined
    },
  },
  {
    // Files above 16 MiB are uploaded in parts. A failed upload must not leave parts that cost money.
    step: 'abort_multipart',
    after: ['put'],
    right: 's3:AbortMultipartUpload',
    changes: true,
    async run({ client, config }) {
      const { UploadId } = await client.send(new CreateMultipartUploadCommand(objectOf(config)))
      const upload = { ...objectOf(config), UploadId }
      try {
        await client.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: testText }))
      } finally {
        await client.send(new AbortMultipartUploadCommand(upload))
      }
      return undefined
    },
  },
]

const timeoutMs = 10_000
const linkSeconds = 60

/** Signs a link as a download does, and follows it without credentials as a browser does. */
async function followLink({ config, client }: ConnectionTest): Promise<Finding | undefined> {
  const sign = createS3LinkSigner({ config, credentials: client.config.credentials, now: () => new Date() })
  const file = { fileName: 'connection_test.txt', contentType: 'text/plain', disposition: 'attachment' } as const
  let url: string
  try {
    // Not a document's key. The signer only puts it into the URL.
    ;({ url } = await sign(testKey as StorageKey, { ...file, seconds: linkSeconds }))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { outcome: 'failed', kind: 'link_not_signed', reason }
  }
  let answer: Response
  try {
    answer = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) })
  } catch (error) {
    // The reason is the cause of fetch's error.
    const { s3Code } = s3FailureOf(error instanceof Error ? (error.cause ?? error) : error)
    // This machine need not be able to reach a separate public address.
    const isElsewhere = config.publicEndpoint !== config.endpoint
    return { outcome: isElsewhere ? 'note' : 'failed', kind: 'link_unreachable', s3Code }
  }
  const text = await answer.text()
  if (answer.status === 200 && text === testText) return undefined
  const s3Code = /<Code>(\w+)<\/Code>/.exec(text)?.[1]
  return { outcome: 'failed', kind: 'link_rejected', status: answer.status, s3Code }
}

import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'

import type { S3Config } from '../../config/config.ts'
import type { StorageKey } from '../../vocabulary/vocabulary.ts'
import { s3FailureOf } from '../s3/requests/s3-errors.ts'
import { createS3LinkSigner } from '../links/s3-links.ts'
import {
  type ConnectionStep,
  type ConnectionTest,
  type Finding,
  testKey,
  testText,
} from '../s3/diagnosis/connection-step.ts'

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
        message: 'The object came back with another content',
        advice: 'Check whether a proxy between this machine and the store changes or caches content.',
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

/** Files above 16 MiB are uploaded in parts. A failed upload must not leave parts that cost money. */
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

const timeoutMs = 10_000
const linkSeconds = 60

/** Signs a link as a download does, and follows it without credentials as a browser does. */
export const followLink: ConnectionStep = {
  step: 'presigned_get',
  title: 'Presigned link works without credentials',
  after: ['put'],
  right: 's3:GetObject',
  async run(test) {
    const signed = await signLink(test)
    return 'outcome' in signed ? signed : await follow(signed.url, test.config)
  },
}

async function signLink({ config, client }: ConnectionTest): Promise<{ url: string } | Finding> {
  const sign = createS3LinkSigner({ config, credentials: client.config.credentials, now: () => new Date() })
  const link = { fileName: 'connection_test.txt', contentType: 'text/plain', seconds: linkSeconds }
  try {
    // Not a document's key. The signer only puts it into the URL.
    return await sign(testKey as StorageKey, { ...link, disposition: 'attachment' })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return {
      outcome: 'failed',
      message: 'Failed to generate presigned URL',
      advice: `${reason} Use credentials that are valid for at least an hour or renew automatically.`,
    }
  }
}

async function follow(url: string, config: S3Config): Promise<Finding | 'ok'> {
  let answer: Response
  try {
    answer = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) })
  } catch (error) {
    return unreachable(error, config)
  }
  const text = await answer.text()
  if (answer.status === 200 && text === testText) return 'ok'

  const code = /<Code>(\w+)<\/Code>/.exec(text)?.[1]
  return {
    outcome: 'failed',
    message: `The presigned link does not return the file: ${answer.status}${code === undefined ? '' : ` ${code}`}`,
    advice: adviceFor(config, code),
  }
}

/** This machine need not be able to reach a separate public address. */
function unreachable(error: unknown, config: S3Config): Finding {
  // The reason is the cause of fetch's error.
  const { s3Code } = s3FailureOf(error instanceof Error ? (error.cause ?? error) : error)
  const isElsewhere = config.publicEndpoint !== config.endpoint
  return {
    outcome: isElsewhere ? 'note' : 'failed',
    message: `The presigned link cannot be reached from this machine (${s3Code})`,
    advice: isElsewhere
      ? `Links begin with ${config.publicEndpoint}. Check from a user’s computer that S3_PUBLIC_ENDPOINT_URL reaches the store.`
      : 'Check whether a proxy or firewall closes connections to the store.',
  }
}

function adviceFor(config: S3Config, code: string | undefined): string {
  if (code === 'AccessDenied')
    return 'Allow s3:GetObject for these credentials. A wrong clock or a bucket policy that denies links has the same effect.'
  if (config.publicEndpoint !== config.endpoint)
    return `Check that ${config.publicEndpoint} (S3_PUBLIC_ENDPOINT_URL) leads to this store and that path, query and Host header stay unchanged.`
  return 'Check whether a proxy between this machine and the store changes the path, query or Host header.'
}

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
        message: 'What came back is not what was put',
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

const patienceMs = 10_000
const linkSeconds = 60

/** Signs a link as downloads do, and follows it as a browser does: without credentials. */
export const followLink: ConnectionStep = {
  step: 'presigned_get',
  title: 'Presigned link gives it without credentials',
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
    // Not the key of a paper; the signer only puts it into the address.
    return await sign(testKey as StorageKey, { ...link, disposition: 'attachment' })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return {
      outcome: 'failed',
      message: 'Failed to generate presigned URL',
      advice: `${reason} Use credentials that live for an hour at least, or that are renewed by themselves.`,
    }
  }
}

async function follow(url: string, config: S3Config): Promise<Finding | 'ok'> {
  let answer: Response
  try {
    answer = await fetch(url, { signal: AbortSignal.timeout(patienceMs) })
  } catch (error) {
    return unreachable(error, config)
  }
  const text = await answer.text()
  if (answer.status === 200 && text === testText) return 'ok'

  const code = /<Code>(\w+)<\/Code>/.exec(text)?.[1]
  return {
    outcome: 'failed',
    message: `The presigned link does not give the file: ${answer.status}${code === undefined ? '' : ` ${code}`}`,
    advice: adviceFor(config, code),
  }
}

/** From here. Where people reach the store by another name, this machine need not know that name. */
function unreachable(error: unknown, config: S3Config): Finding {
  // fetch says only that it failed; what happened is its cause.
  const { s3Code } = s3FailureOf(error instanceof Error ? (error.cause ?? error) : error)
  const isElsewhere = config.publicEndpoint !== config.endpoint
  return {
    outcome: isElsewhere ? 'note' : 'failed',
    message: `The presigned link cannot be reached from this machine (${s3Code})`,
    advice: isElsewhere
      ? `Links begin ${config.publicEndpoint}. See from a computer such as people use that S3_PUBLIC_ENDPOINT_URL reaches the store.`
      : 'Does something cut connections between this machine and the store?',
  }
}

function adviceFor(config: S3Config, code: string | undefined): string {
  if (code === 'AccessDenied')
    return 'Allow s3:GetObject to these credentials. A clock that is off has the same effect; so has a bucket policy that refuses links.'
  if (config.publicEndpoint !== config.endpoint)
    return `Does ${config.publicEndpoint} (S3_PUBLIC_ENDPOINT_URL) lead to this store, with path, query and Host header unchanged?`
  return 'Does a proxy between this machine and the store change path, query or Host header?'
}

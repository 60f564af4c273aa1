import { CopyObjectCommand, DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import type { Logger } from 'pino'

import type { S3Config } from '../../config/load-config.ts'
import { createByteBudget } from '../streams/memory-budget.ts'
import { unlessMissing } from '../file-store.ts'
import { presetPayloadHash, setBodySource } from '../s3/requests/s3-request-handler.ts'
import { readChunkBytes, readSpoolRange } from '../streams/read-spooled-file.ts'
import { headS3Object, listS3Pages, readS3Object } from '../s3/s3-objects.ts'
import { isAmazon, openS3Client, defaultS3Timeouts } from '../s3/requests/retrying-s3-client.ts'
import { callS3, type S3Context } from '../s3/requests/s3-operation.ts'
import { type BackupStore, nameFailures, type BackupContent, notifyOnPiece } from './backup-store.ts'

type Needs = { config: S3Config; log: Pick<Logger, 'info' | 'warn'> }

/** Stores backups in a bucket, under a prefix that is empty or ends with a slash. */
export function openBackupBucket(
  { config, log }: Needs,
  { bucket, prefix, policy }: { bucket: string; prefix: string; policy?: string },
): BackupStore {
  const hasChecksums = isAmazon(config)
  const client = openS3Client({ config, log, hasChecksums })
  const context: S3Context = {
    client,
    bucket,
    answerMs: defaultS3Timeouts.answerMs,
    hasChecksums,
    observed: { versions: undefined },
    sending: createByteBudget(readChunkBytes),
    log,
    onOperation: () => undefined,
  }
  const keyOf = (name: string) => `${prefix}${name}`
  return nameFailures(
    {
      address: `s3://${bucket}/${prefix}`,
      write: async (name, content) => putObject(context, keyOf(name), content),
      read: async (name) => readS3Object(context, keyOf(name)),
      sizeOf: async (name) => (await unlessMissing(headS3Object(context, keyOf(name))))?.ContentLength,
      async list(folder) {
        const names: string[] = []
        for await (const key of listKeys(context, keyOf(folder), '/')) names.push(key.slice(keyOf(folder).length))
        return names.toSorted()
      },
      async remove(name) {
        if (!name.endsWith('/')) return removeObject(context, keyOf(name))
        for await (const key of listKeys(context, keyOf(name))) await removeObject(context, key)
      },
      moveAside: async (name, aside, isDamaged) =>
        moveObjectAside(context, keyOf(name), { aside: keyOf(aside), isDamaged }),
      close: () => client.destroy(),
    },
    policy,
  )
}

async function putObject(context: S3Context, key: string, content: BackupContent): Promise<void> {
  const size = 'bytes' in content ? content.bytes.length : content.size
  const command = new PutObjectCommand({
    Bucket: context.bucket,
    Key: key,
    ...('bytes' in content && { Body: content.bytes }),
    ContentLength: size,
    // Without it the SDK calculates the checksum of the body, and a file has no body here.
    ...(context.hasChecksums && { ChecksumSHA256: Buffer.from(content.sha256, 'hex').toString('base64') }),
  })
  presetPayloadHash(command, content.sha256)
  if ('path' in content) {
    const { path, onPiece } = content
    setBodySource(command, { openChunks: () => notifyOnPiece(readSpoolRange(path, { start: 0, end: size }), onPiece) })
  }
  await callS3(context, { operation: 'put_object', key, bytes: size }, command)
}

/** With a delimiter also the common prefixes. */
async function* listKeys(context: S3Context, prefix: string, delimiter?: string): AsyncGenerator<string> {
  for await (const page of listS3Pages(context, { Prefix: prefix, Delimiter: delimiter })) {
    yield* (page.Contents ?? []).map(({ Key = '' }) => Key)
    yield* (page.CommonPrefixes ?? []).map((each) => each.Prefix ?? '')
  }
}

type Aside = { aside: string; isDamaged: () => Promise<boolean> }

/** S3 has no rename: the object is removed only if it is still the one that was copied and checked. */
async function moveObjectAside(context: S3Context, key: string, { aside, isDamaged }: Aside): Promise<boolean> {
  const before = await unlessMissing(headS3Object(context, key))
  await copyObject(context, key, aside)
  const isConfirmed = await isDamaged()
  const now = await unlessMissing(headS3Object(context, key))
  // Missing: another process has renamed the object to `aside`.
  if (now === undefined) return false
  const isUnchanged = isConfirmed && now.ETag === before?.ETag
  await removeObject(context, isUnchanged ? key : aside)
  return isUnchanged
}

async function copyObject(context: S3Context, from: string, to: string): Promise<void> {
  const source = from.split('/').map(encodeURIComponent).join('/')
  const command = new CopyObjectCommand({ Bucket: context.bucket, Key: to, CopySource: `${context.bucket}/${source}` })
  await callS3(context, { operation: 'copy_object', key: to }, command)
}

async function removeObject(context: S3Context, key: string): Promise<void> {
  const command = new DeleteObjectCommand({ Bucket: context.bucket, Key: key })
  await callS3(context, { operation: 'delete_object', key }, command)
}

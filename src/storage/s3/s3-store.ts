import { HeadBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import type { Logger } from 'pino'

import type { S3Config } from '../../config/load-config.ts'
import type { Clock, QuarantineKey, StorageKey } from '../../vocabulary/vocabulary.ts'
import { createByteBudget } from '../streams/memory-budget.ts'
import { createCloudFrontSigner } from '../links/cloudfront-links.ts'
import { createS3LinkSigner } from '../links/s3-links.ts'
import {
  type FileStat,
  type FileStore,
  type IncomingFile,
  type MultipartRecorder,
  type Quarantine,
  type Removed,
  type StoredFile,
  type StoreError,
  unlessMissing,
} from '../file-store.ts'
import {
  abortS3Upload,
  listS3Multiparts,
  type UnfinishedCursor,
  type UnfinishedPage,
  uploadS3Parts,
} from './s3-multipart.ts'
import { createBucketOwnership, findAnyObject } from './bucket-owner.ts'
import type { Ownership } from '../owner-file.ts'
import { openFirstPut } from './requests/s3-first-put.ts'
import { createS3Parts, type S3Parts } from './s3-parts.ts'
import { putS3Object } from './put-s3-object.ts'
import { headS3Object, listS3Objects, readS3Object, s3Quarantine, statOf } from './s3-objects.ts'
import { readChunkBytes } from '../streams/read-spooled-file.ts'
import { removeS3Object, removeS3Objects, createUnusedKey } from './remove-s3-objects.ts'
import {
  isAmazon,
  openS3Client,
  maxConnections,
  type S3Timeouts,
  defaultS3Timeouts,
} from './requests/retrying-s3-client.ts'
import {
  createObjectVersions,
  findNoncurrentDays,
  type LegalHoldOutcome,
  type ObjectVersions,
  setLegalHold,
} from './s3-object-versions.ts'
import { callS3, S3Error, type S3OperationReport, type S3Context } from './requests/s3-operation.ts'
import { isReadableKey, requireQuarantineKey, requireReadableKey, requireStorageKey } from '../storage-key.ts'

export type S3StoreNeeds = {
  config: S3Config
  log: Pick<Logger, 'info' | 'warn'>
  /** Records every multipart upload before its first part, and again when it is completed or aborted. */
  recorder: MultipartRecorder
  onOperation?: (report: S3OperationReport) => void
  now?: Clock
  timeouts?: S3Timeouts
  hasChecksums?: boolean
}

export type S3Store = FileStore & {
  name: 's3'
  /** The parts of a multipart upload, for a file that arrives over many requests. */
  parts: S3Parts
  /** Aborts an upload that is still on record, because S3 did not answer or the process died. */
  abortMultipart(key: StorageKey, multipartId: string): Promise<void>
  /** Removes up to 1,000 objects in one call, including those in quarantine. Returns the outcome or error of each key. */
  removeMany(keys: (StorageKey | QuarantineKey)[]): Promise<Map<StorageKey | QuarantineKey, Removed | StoreError>>
  listUnfinished(after?: UnfinishedCursor): Promise<UnfinishedPage | 'not_allowed'>
  quarantine: Quarantine
  ownership: Ownership
  /** The key of any object that an empty store does not have, including those that `list` skips. */
  findAnything(): Promise<string | undefined>
  /** For permanent destruction. The service's own credentials have no right to it. */
  versions: ObjectVersions
  /** Places or lifts Object Lock's legal hold, if the bucket has it. */
  setLegalHold(key: StorageKey, isHeld: boolean): Promise<LegalHoldOutcome>
  /** For how many days the bucket keeps removed objects, if its lifecycle says so and the credentials may read it. */
  findNoncurrentDays(key: string): Promise<number | undefined>
  /** Checks once, with short timeouts, whether S3 would accept an upload. Throws if not. */
  probe(): Promise<void>
  close(): void
}

const probeTimeouts: S3Timeouts = { connectMs: 2000, answerMs: 5000, idleMs: 5000, attempts: 1 }

// Half of the connections, so that small files never wait for the parts of large ones.
const maxConcurrentParts = maxConnections / 2

/** Opens the store on S3. Sends no request: a missing bucket shows at the first call. */
export function openS3Store(needs: S3StoreNeeds): S3Store {
  const { config, log, recorder, now = () => new Date(), timeouts = defaultS3Timeouts } = needs
  const { hasChecksums = isAmazon(config) } = needs
  const client = openS3Client({ config, log, timeouts, hasChecksums })
  const { bucket, region } = config
  const attempts = timeouts.attempts - 1
  const repeating =
    attempts === 0 ? undefined : openS3Client({ config, log, timeouts: { ...timeouts, attempts }, hasChecksums })
  const firstPut = repeating && openFirstPut({ client, repeating, bucket, region, maxConnections, timeouts })
  const context: S3Context = {
    client,
    ...(firstPut && { firstPut }),
    bucket,
    answerMs: timeouts.answerMs,
    hasChecksums,
    observed: { versions: undefined },
    sending: createByteBudget(maxConcurrentParts * readChunkBytes),
    log,
    onOperation: needs.onOperation ?? (() => undefined),
  }
  const answerMs = Math.min(timeouts.answerMs, probeTimeouts.answerMs)
  const prober = openS3Client({ config, log, timeouts: { ...probeTimeouts, answerMs }, hasChecksums })
  const probing: S3Context = { ...context, client: prober, answerMs }
  const signLink = config.cloudFront
    ? createCloudFrontSigner({ config: config.cloudFront, now })
    : createS3LinkSigner({ config, credentials: client.config.credentials, now })

  return {
    name: 's3',
    write: async (key, file) => writeS3(context, recorder, requireStorageKey(key), file),
    read: async (key, range) => readS3Object(context, requireReadableKey(key), range),
    stat: async (key) => statS3(context, requireReadableKey(key)),
    remove: async (key) => removeS3Object(context, requireReadableKey(key)),
    removeMany: async (keys) =>
      removeS3Objects(
        context,
        keys.map((key) => (isReadableKey(key) ? key : requireQuarantineKey(key))),
      ),
    list: (prefix) => listS3Objects(context, prefix),
    signDownload: async (key, link) => signLink(requireReadableKey(key), link),
    parts: createS3Parts({ context, recorder }),
    abortMultipart: async (key, id) => abortS3Upload({ context, key: requireStorageKey(key), id }),
    listUnfinished: (after) => listS3Multiparts(context, after),
    quarantine: s3Quarantine(context),
    ownership: createBucketOwnership(context),
    findAnything: () => findAnyObject(context),
    versions: createObjectVersions(context),
    setLegalHold: async (key, isHeld) => setLegalHold(context, requireReadableKey(key), isHeld),
    findNoncurrentDays: (key) => findNoncurrentDays(context, key),
    probe: () => probeS3(probing),
    close() {
      client.destroy()
      firstPut?.close()
      prober.destroy()
    },
  }
}

async function writeS3(
  context: S3Context,
  recorder: MultipartRecorder,
  key: StorageKey,
  file: IncomingFile,
): Promise<StoredFile> {
  file.signal?.throwIfAborted()
  const { content } = file
  switch (content.kind) {
    case 'memory':
      return putS3Object(context, key, { ...file, content })
    case 'spool':
      return uploadS3Parts({ context, recorder }, key, { ...file, content })
  }
}

async function statS3(context: S3Context, key: StorageKey): Promise<FileStat | undefined> {
  const head = await unlessMissing(headS3Object(context, key))
  if (head === undefined) await requireBucket(context)
  return head && statOf(key, head)
}

// The answer to a HEAD has no body, so a missing bucket looks like a missing object. Every blob would seem to be missing.
async function requireBucket(context: S3Context): Promise<void> {
  const command = new HeadBucketCommand({ Bucket: context.bucket })
  try {
    await callS3(context, { operation: 'head_bucket' }, command)
  } catch (error) {
    if (!(error instanceof S3Error) || error.code !== 'bytes_missing') throw error
    const failure = { ...error.failure, code: 'unavailable', trouble: 'no_bucket', s3Code: 'NoSuchBucket' } as const
    throw new S3Error('head_bucket', failure, error)
  }
}

/** A key for read checks: a store that answers "not found" works. */
export const probeKey = createUnusedKey()

/**
 * Resolves when S3 would accept an upload. It sends a write that S3 rejects only after all other checks, because it replaces
 * an object that does not exist. Throws any earlier failure: network, credentials, clock, bucket or right.
 */
async function probeS3(context: S3Context): Promise<void> {
  const command = new PutObjectCommand({
    Bucket: context.bucket,
    Key: probeKey,
    Body: '',
    ContentLength: 0,
    IfMatch: '"00000000000000000000000000000000"',
  })
  try {
    await callS3(context, { operation: 'put_object', key: probeKey }, command)
  } catch (error) {
    // The object has another content, or does not exist.
    const isExpectedRejection =
      error instanceof S3Error && (error.code === 'key_taken' || error.code === 'bytes_missing')
    if (!isExpectedRejection) throw error
  }
}

import { HeadBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import type { Logger } from 'pino'

import type { S3Config } from '../../config/config.ts'
import type { Clock, QuarantineKey, StorageKey } from '../../vocabulary/vocabulary.ts'
import { createByteBudget } from '../streams/memory-budget.ts'
import { createCloudFrontSigner, createS3LinkSigner } from '../links/s3-links.ts'
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
import { headS3Object, listS3Objects, putS3Object, readS3Object, s3Quarantine, statOf } from './s3-objects.ts'
import { readChunkBytes } from '../streams/read-spooled-file.ts'
import { removeS3Object, removeS3Objects, createUnusedKey } from './remove-s3-objects.ts'
import {
  isAmazon,
  openS3Client,
  maxConnections,
  type S3Timeouts,
  defaultS3Timeouts,
} from './requests/retrying-s3-client.ts'
import { type ObjectVersions, createObjectVersions } from './s3-object-versions.ts'
import { callS3, S3Error, type S3OperationReport, type S3Context } from './requests/s3-operation.ts'
import { findNoncurrentDays, type LegalHoldOutcome, setLegalHold } from './legal-hold.ts'
import { isReadableKey, requireQuarantineKey, requireReadableKey, requireStorageKey } from '../storage-key.ts'

export type S3StoreNeeds = {
  config: S3Config
  log: Pick<Logger, 'info' | 'warn'>
  /** Told of every multipart upload before its first part, and again when nothing of it is left to abort. */
  recorder: MultipartRecorder
  onOperation?: (report: S3OperationReport) => void
  now?: Clock
  timeouts?: S3Timeouts
  hasChecksums?: boolean
}

export type S3Store = FileStore & {
  name: 's3'
  /** For an upload that the recorder was told of and never heard closed: S3 could not be asked, or the process died. */
  abortMultipart(key: StorageKey, multipartId: string): Promise<void>
  /** Up to 1,000 objects in one call, those in quarantine too: of each key what became of it, or its failure. */
  removeMany(keys: (StorageKey | QuarantineKey)[]): Promise<Map<StorageKey | QuarantineKey, Removed | StoreError>>
  listUnfinished(after?: UnfinishedCursor): Promise<UnfinishedPage | 'not_allowed'>
  quarantine: Quarantine
  ownership: Ownership
  /** The name of something that lies here, of ours or not, beside what an empty store has: what `list` passes over too. */
  findAnything(): Promise<string | undefined>
  /** For whoever destroys for good; the service's own key has no right to it. */
  versions: ObjectVersions
  /** Object Lock's legal hold, where the bucket has that. */
  setLegalHold(key: StorageKey, isHeld: boolean): Promise<LegalHoldOutcome>
  /** How many days the bucket keeps what was removed, where its lifecycle says so and the credentials may read it. */
  findNoncurrentDays(key: string): Promise<number | undefined>
  /** Whether S3 would take an upload; asked once, with little patience, and throwing what stands in the way. */
  probe(): Promise<void>
  close(): void
}

const probePatience: S3Timeouts = { connectMs: 2000, answerMs: 5000, idleMs: 5000, attempts: 1 }

// Half of the connections: small files never wait for the parts of large ones.
const partsAtOnce = maxConnections / 2

/** The store on S3. Opening asks nothing: a bucket that is away shows at the first call. */
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
    sending: createByteBudget(partsAtOnce * readChunkBytes),
    log,
    onOperation: needs.onOperation ?? (() => undefined),
  }
  const answerMs = Math.min(timeouts.answerMs, probePatience.answerMs)
  const prober = openS3Client({ config, log, timeouts: { ...probePatience, answerMs }, hasChecksums })
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

// The answer to a HEAD has no body: a missing bucket looks like a missing object, and would make every file "absent".
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

/** A store that can say that it has no such file can be asked. */
export const probeKey = createUnusedKey()

/**
 * Resolves when S3 would take an upload: it requests a write that S3 rejects last of all, since it replaces an object that
 * does not exist. Throws what prevented it: network, credentials, clock, bucket or right.
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
    // One says that the object has not this content, the other that there is none.
    const isLastRefusal = error instanceof S3Error && (error.code === 'key_taken' || error.code === 'bytes_missing')
    if (!isLastRefusal) throw error
  }
}

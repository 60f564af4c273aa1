import { HeadBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import type { Logger } from 'pino'

import type { S3Config } from '../../config/config.ts'
import type { Clock, QuarantineKey, StorageKey } from '../../vocabulary/vocabulary.ts'
import { makeByteBudget } from '../streams/memory-budget.ts'
import { makeCloudFrontSigner, makeS3LinkSigner } from '../links/s3-links.ts'
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
import { bucketOwnership, findInBucket } from './bucket-owner.ts'
import type { Ownership } from '../owner-file.ts'
import { openFirstPut } from './requests/s3-first-put.ts'
import { headS3Object, listS3Objects, putS3Object, readS3Object, s3Quarantine, statOf } from './s3-objects.ts'
import { pieceBytes } from '../streams/read-as-it-grows.ts'
import { removeS3Object, removeS3Objects, unusedKey } from './remove-s3-objects.ts'
import {
  isAmazon,
  makeS3Client,
  maxConnections,
  type S3Patience,
  usualPatience,
} from './requests/retrying-s3-client.ts'
import { type ObjectVersions, objectVersionsOf } from './s3-object-versions.ts'
import { callS3, S3Error, type S3OperationReport, type S3Reach } from './requests/s3-operation.ts'
import { findNoncurrentDays, type HoldOutcome, holdS3Object } from './s3-retention.ts'
import { isReadableKey, requireQuarantineKey, requireReadableKey, requireStorageKey } from '../storage-key.ts'

export type S3StoreNeeds = {
  config: S3Config
  log: Pick<Logger, 'info' | 'warn'>
  /** Told of every multipart upload before its first part, and again when nothing of it is left to abort. */
  recorder: MultipartRecorder
  onOperation?: (report: S3OperationReport) => void
  now?: Clock
  patience?: S3Patience
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
  hold(key: StorageKey, isHeld: boolean): Promise<HoldOutcome>
  /** How many days the bucket keeps what was removed, where its lifecycle says so and the credentials may read it. */
  findNoncurrentDays(key: string): Promise<number | undefined>
  /** Whether S3 would take an upload; asked once, with little patience, and throwing what stands in the way. */
  probe(): Promise<void>
  close(): void
}

const probePatience: S3Patience = { connectMs: 2000, answerMs: 5000, idleMs: 5000, attempts: 1 }

// Half of the connections: small files never wait for the parts of large ones.
const partsAtOnce = maxConnections / 2

/** The store on S3. Opening asks nothing: a bucket that is away shows at the first call. */
export function openS3Store(needs: S3StoreNeeds): S3Store {
  const { config, log, recorder, now = () => new Date(), patience = usualPatience } = needs
  const { hasChecksums = isAmazon(config) } = needs
  const client = makeS3Client({ config, log, patience, hasChecksums })
  const { bucket, region } = config
  const attempts = patience.attempts - 1
  const repeating =
    attempts === 0 ? undefined : makeS3Client({ config, log, patience: { ...patience, attempts }, hasChecksums })
  const firstPut = repeating && openFirstPut({ client, repeating, bucket, region, maxConnections, patience })
  const reach: S3Reach = {
    client,
    ...(firstPut && { firstPut }),
    bucket,
    answerMs: patience.answerMs,
    hasChecksums,
    seen: { versions: undefined },
    sending: makeByteBudget(partsAtOnce * pieceBytes),
    log,
    onOperation: needs.onOperation ?? (() => undefined),
  }
  const answerMs = Math.min(patience.answerMs, probePatience.answerMs)
  const prober = makeS3Client({ config, log, patience: { ...probePatience, answerMs }, hasChecksums })
  const probing: S3Reach = { ...reach, client: prober, answerMs }
  const signLink = config.cloudFront
    ? makeCloudFrontSigner({ config: config.cloudFront, now })
    : makeS3LinkSigner({ config, credentials: client.config.credentials, now })

  return {
    name: 's3',
    write: async (key, file) => writeS3(reach, recorder, requireStorageKey(key), file),
    read: async (key, range) => readS3Object(reach, requireReadableKey(key), range),
    stat: async (key) => statS3(reach, requireReadableKey(key)),
    remove: async (key) => removeS3Object(reach, requireReadableKey(key)),
    removeMany: async (keys) =>
      removeS3Objects(
        reach,
        keys.map((key) => (isReadableKey(key) ? key : requireQuarantineKey(key))),
      ),
    list: (prefix) => listS3Objects(reach, prefix),
    signDownload: async (key, link) => signLink(requireReadableKey(key), link),
    abortMultipart: async (key, id) => abortS3Upload({ reach, key: requireStorageKey(key), id }),
    listUnfinished: (after) => listS3Multiparts(reach, after),
    quarantine: s3Quarantine(reach),
    ownership: bucketOwnership(reach),
    findAnything: () => findInBucket(reach),
    versions: objectVersionsOf(reach),
    hold: async (key, isHeld) => holdS3Object(reach, requireReadableKey(key), isHeld),
    findNoncurrentDays: (key) => findNoncurrentDays(reach, key),
    probe: () => probeS3(probing),
    close() {
      client.destroy()
      firstPut?.close()
      prober.destroy()
    },
  }
}

async function writeS3(
  reach: S3Reach,
  recorder: MultipartRecorder,
  key: StorageKey,
  file: IncomingFile,
): Promise<StoredFile> {
  file.signal?.throwIfAborted()
  const { content } = file
  switch (content.kind) {
    case 'memory':
      return putS3Object(reach, key, { ...file, content })
    case 'spool':
      return uploadS3Parts({ reach, recorder }, key, { ...file, content })
  }
}

async function statS3(reach: S3Reach, key: StorageKey): Promise<FileStat | undefined> {
  const head = await unlessMissing(headS3Object(reach, key))
  if (head === undefined) await requireBucket(reach)
  return head && statOf(key, head)
}

// The answer to a HEAD has no body: a missing bucket looks like a missing object, and would make every file "absent".
async function requireBucket(reach: S3Reach): Promise<void> {
  const command = new HeadBucketCommand({ Bucket: reach.bucket })
  try {
    await callS3(reach, { operation: 'head_bucket' }, command)
  } catch (error) {
    if (!(error instanceof S3Error) || error.code !== 'bytes_missing') throw error
    const failure = { ...error.failure, code: 'unavailable', trouble: 'no_bucket', s3Code: 'NoSuchBucket' } as const
    throw new S3Error('head_bucket', failure, error)
  }
}

/** A store that can say that it has no such file can be asked. */
export const keyOfNothing = unusedKey()

/**
 * Resolves when S3 would take an upload: it requests a write that S3 rejects last of all, since it replaces an object that
 * does not exist. Throws what prevented it: network, credentials, clock, bucket or right.
 */
async function probeS3(reach: S3Reach): Promise<void> {
  const command = new PutObjectCommand({
    Bucket: reach.bucket,
    Key: keyOfNothing,
    Body: '',
    ContentLength: 0,
    IfMatch: '"00000000000000000000000000000000"',
  })
  try {
    await callS3(reach, { operation: 'put_object', key: keyOfNothing }, command)
  } catch (error) {
    // One says that the object has not this content, the other that there is none.
    const isLastRefusal = error instanceof S3Error && (error.code === 'key_taken' || error.code === 'bytes_missing')
    if (!isLastRefusal) throw error
  }
}

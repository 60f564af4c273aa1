import { randomUUID } from 'node:crypto'

import { DeleteObjectCommand, DeleteObjectsCommand } from '@aws-sdk/client-s3'
import pLimit from 'p-limit'

import type { FirmId, QuarantineKey, StorageKey } from '../../vocabulary/vocabulary.ts'
import { type Removed, StoreError } from '../file-store.ts'
import { callS3Expecting, callS3, type S3Context } from './requests/s3-operation.ts'
import { storageKeyOf } from '../storage-key.ts'

type Key = StorageKey | QuarantineKey

/** Removes an object. Removing an absent key succeeds. In a versioned bucket the object is hidden by a delete marker. */
export async function removeS3Object(context: S3Context, key: Key): Promise<Removed> {
  await detectVersioning(context)
  return removedBy(context, (await deleteObject(context, key)).isMarker)
}

/** `isMarker`: S3 reported a delete marker. `isRepeated`: the answer belongs to a retry. */
async function deleteObject(context: S3Context, key: Key): Promise<{ isMarker: boolean; isRepeated: boolean }> {
  const command = new DeleteObjectCommand({ Bucket: context.bucket, Key: key })
  const { DeleteMarker, $metadata } = await callS3(context, { operation: 'delete_object', key }, command)
  return { isMarker: DeleteMarker === true, isRepeated: ($metadata.attempts ?? 1) > 1 }
}

const maxProbes = 3

/**
 * Detects whether the bucket is versioned. When a removal is retried after a lost answer, it meets the first marker, and
 * some stores then answer as an unversioned bucket does. So each process first removes a key that was never used: a
 * versioned bucket always answers that with a marker. If this removal was itself retried, another unused key is removed.
 */
async function detectVersioning(context: S3Context): Promise<void> {
  for (let probes = 0; context.observed.versions === undefined; probes += 1) {
    if (probes === maxProbes) throw new StoreError('unavailable', 'S3 did not show whether the bucket is versioned')
    const { isMarker, isRepeated } = await deleteObject(context, createUnusedKey())
    if (isMarker || !isRepeated) context.observed.versions ??= isMarker
  }
}

/** A key that no blob ever has. */
export const createUnusedKey = () =>
  storageKeyOf({
    firmId: '00000000-0000-0000-0000-000000000000' as FirmId, // no firm has the nil UUID
    documentType: 'readiness_check',
    uuid: randomUUID(),
    extension: 'pdf',
  })

const maxConcurrentRemovals = 8

/**
 * Removes up to 1,000 keys in one call and returns the outcome or error of each. Falls back to single calls for a store that
 * rejects the bulk call (some require another checksum, or a right on the bucket).
 */
export async function removeS3Objects(context: S3Context, keys: Key[]): Promise<Map<Key, Removed | StoreError>> {
  await detectVersioning(context)
  if (keys.length > 1) {
    const command = new DeleteObjectsCommand({
      Bucket: context.bucket,
      Delete: { Objects: keys.map((Key) => ({ Key })), Quiet: false },
    })
    const answer = await callS3Expecting(context, { operation: 'delete_objects' }, { command, answers: bulkRejections })
    if (!('errorName' in answer)) {
      // Versioning may have been enabled after the first removal.
      if (answer.Deleted?.some(({ DeleteMarker }) => DeleteMarker === true)) context.observed.versions = true
      const removed = new Map(
        answer.Deleted?.map(({ Key, DeleteMarker }) => [Key, removedBy(context, DeleteMarker)] as const),
      )
      const failures = new Map(answer.Errors?.map(({ Key, Code }) => [Key, Code]))
      return new Map(keys.map((key) => [key, removed.get(key) ?? notRemoved(failures.get(key))]))
    }
  }
  const limit = pLimit(maxConcurrentRemovals)
  const removeOne = async (key: Key): Promise<[Key, Removed | StoreError]> => {
    try {
      return [key, await removeS3Object(context, key)]
    } catch (error) {
      if (error instanceof StoreError) return [key, error]
      throw error
    }
  }
  return new Map(await Promise.all(keys.map((key) => limit(removeOne, key))))
}

function removedBy({ observed: seen }: S3Context, isMarker: boolean | undefined): Removed {
  return isMarker === true || seen.versions === true ? 'hidden' : 'destroyed'
}

/** Also for an object that the answer does not mention: its row must stay. */
function notRemoved(code = 'IncompleteAnswer'): StoreError {
  return new StoreError('unavailable', `S3 did not remove the object: ${code}`)
}

/** Codes of stores that support only single removals, or that require more for bulk ones. */
const bulkRejections = [
  'AccessDenied',
  'NotImplemented',
  'MethodNotAllowed',
  'MissingContentMD5',
  'InvalidRequest',
  'MalformedXML',
]

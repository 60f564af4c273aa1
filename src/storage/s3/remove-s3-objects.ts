import { randomUUID } from 'node:crypto'

import { DeleteObjectCommand, DeleteObjectsCommand } from '@aws-sdk/client-s3'
import pLimit from 'p-limit'

import type { FirmId, QuarantineKey, StorageKey } from '../../vocabulary/vocabulary.ts'
import { type Removed, StoreError } from '../file-store.ts'
import { callS3Expecting, callS3, type S3Context } from './requests/s3-operation.ts'
import { storageKeyOf } from '../storage-key.ts'

type Key = StorageKey | QuarantineKey

/** Removing an absent key succeeds. In a versioned bucket the answer names the marker that now hides the object. */
export async function removeS3Object(context: S3Context, key: Key): Promise<Removed> {
  await learnVersions(context)
  return removedBy(context, (await deleteObject(context, key)).isMarker)
}

/** Whether the object is now hidden by a marker, as far as the answer says, and whether that is the answer to a repeat. */
async function deleteObject(context: S3Context, key: Key): Promise<{ isMarker: boolean; isRepeated: boolean }> {
  const command = new DeleteObjectCommand({ Bucket: context.bucket, Key: key })
  const { DeleteMarker, $metadata } = await callS3(context, { operation: 'delete_object', key }, command)
  return { isMarker: DeleteMarker === true, isRepeated: ($metadata.attempts ?? 1) > 1 }
}

const maxQuestions = 3

/**
 * A removal whose answer was lost is repeated, perhaps by another process, and finds the marker of the first one: some
 * stores then answer as if nothing were kept. So each process first removes a key that was never used, whose answer has
 * a marker in every versioned bucket. An answer to a repeat of that says as little: another such key is removed then.
 */
async function learnVersions(context: S3Context): Promise<void> {
  for (let asked = 0; context.observed.versions === undefined; asked += 1) {
    if (asked === maxQuestions) throw new StoreError('unavailable', 'S3 did not say whether it keeps versions.')
    const { isMarker, isRepeated } = await deleteObject(context, createUnusedKey())
    if (isMarker || !isRepeated) context.observed.versions ??= isMarker
  }
}

/** A key that no file ever has. */
export const createUnusedKey = () =>
  storageKeyOf({
    firmId: '00000000-0000-0000-0000-000000000000' as FirmId, // no firm has the nil UUID
    documentType: 'readiness_check',
    uuid: randomUUID(),
    extension: 'pdf',
  })

const singlesAtOnce = 8

/**
 * The same for up to 1,000 keys in one call; of each key what became of it, or its failure. A store that does not take
 * the call (some ask for another checksum, or for a right on the bucket) is asked key by key.
 */
export async function removeS3Objects(context: S3Context, keys: Key[]): Promise<Map<Key, Removed | StoreError>> {
  await learnVersions(context)
  if (keys.length > 1) {
    const command = new DeleteObjectsCommand({
      Bucket: context.bucket,
      Delete: { Objects: keys.map((Key) => ({ Key })), Quiet: false },
    })
    const answer = await callS3Expecting(context, { operation: 'delete_objects' }, { command, answers: notTaken })
    if (!('errorName' in answer)) {
      // The bucket may keep versions since a later moment than the first removal.
      if (answer.Deleted?.some(({ DeleteMarker }) => DeleteMarker === true)) context.observed.versions = true
      const removed = new Map(
        answer.Deleted?.map(({ Key, DeleteMarker }) => [Key, removedBy(context, DeleteMarker)] as const),
      )
      const failures = new Map(answer.Errors?.map(({ Key, Code }) => [Key, Code]))
      return new Map(keys.map((key) => [key, removed.get(key) ?? notRemoved(failures.get(key))]))
    }
  }
  const limit = pLimit(singlesAtOnce)
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

/** Also of an object that the answer does not mention: its row must not go. */
function notRemoved(code = 'IncompleteAnswer'): StoreError {
  return new StoreError('unavailable', `S3 did not remove the object: ${code}`)
}

/** Codes of stores that know single deletes alone, or ask for more than those need. */
const notTaken = [
  'AccessDenied',
  'NotImplemented',
  'MethodNotAllowed',
  'MissingContentMD5',
  'InvalidRequest',
  'MalformedXML',
]

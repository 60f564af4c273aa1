import {
  DeleteObjectCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
} from '@aws-sdk/client-s3'

import type { QuarantineKey, StorageKey } from '../../vocabulary/vocabulary.ts'
import { callS3Expecting, type S3Context } from './requests/s3-operation.ts'
import { isReadableKey, requireQuarantineKey } from '../storage-key.ts'

/** `refused`: an Object Lock or a bucket policy protects a version. */
export type Destroyed = 'destroyed' | 'refused'

export type VersionRight = 's3:ListBucketVersions' | 's3:DeleteObjectVersion'

export type ObjectVersions = {
  /** The first right that the credentials lack. Undefined when they may destroy versions. Changes nothing. */
  findMissingRight(): Promise<VersionRight | undefined>
  /** Destroys all versions and delete markers of an object. May be interrupted and repeated. */
  destroy(key: StorageKey | QuarantineKey): Promise<Destroyed>
}

export function createObjectVersions(context: S3Context): ObjectVersions {
  return {
    findMissingRight: () => findMissingRight(context),
    destroy: async (key) => destroyAll(context, isReadableKey(key) ? key : requireQuarantineKey(key)),
  }
}

/** The object of `s3 test`, which is no document. */
const probedKey = 'test/connection_test.txt'

async function findMissingRight(context: S3Context): Promise<VersionRight | undefined> {
  if ((await listPage(context, probedKey, undefined)) === 'refused') return 's3:ListBucketVersions'
  const nothing = { key: probedKey, versionId: 'null' }
  return (await destroyOne(context, nothing)) === 'refused' ? 's3:DeleteObjectVersion' : undefined
}

const refusals = ['AccessDenied']

type Version = { key: string; versionId: string }

async function destroyAll(context: S3Context, key: string): Promise<Destroyed> {
  const { versions, markers } = await listAll(context, key)
  // Without the markers, a remaining version would be readable again. So the markers go last, and only when no version is left.
  for (const each of [...versions, ...markers]) {
    if ((await destroyOne(context, each)) === 'refused') return 'refused'
  }
  return 'destroyed'
}

type Kept = { versions: Version[]; markers: Version[] }

async function listAll(context: S3Context, key: string): Promise<Kept> {
  const kept: Kept = { versions: [], markers: [] }
  let from: Partial<ListObjectVersionsCommandOutput> | undefined
  do {
    const page: ListObjectVersionsCommandOutput | 'refused' = await listPage(context, key, from)
    if (page === 'refused') throw new Error('the right to list versions was lost during the call')
    kept.versions.push(...of(key, page.Versions))
    kept.markers.push(...of(key, page.DeleteMarkers))
    from = page.IsTruncated ? page : undefined
  } while (from !== undefined)
  return kept
}

/** Filters a listing, because other keys may begin with this key. */
function of(key: string, listed: { Key?: string | undefined; VersionId?: string | undefined }[] = []): Version[] {
  return listed.flatMap(({ Key, VersionId = 'null' }) => (Key === key ? [{ key, versionId: VersionId }] : []))
}

async function listPage(
  context: S3Context,
  key: string,
  after: Partial<ListObjectVersionsCommandOutput> | undefined,
): Promise<ListObjectVersionsCommandOutput | 'refused'> {
  const from = after && { KeyMarker: after.NextKeyMarker, VersionIdMarker: after.NextVersionIdMarker }
  const command = new ListObjectVersionsCommand({ Bucket: context.bucket, Prefix: key, ...from })
  const page = await callS3Expecting(context, { operation: 'list_versions', key }, { command, answers: refusals })
  return 'errorName' in page ? 'refused' : page
}

async function destroyOne(context: S3Context, { key, versionId }: Version): Promise<Destroyed> {
  const command = new DeleteObjectCommand({ Bucket: context.bucket, Key: key, VersionId: versionId })
  const answer = await callS3Expecting(context, { operation: 'delete_version', key }, { command, answers: refusals })
  return 'errorName' in answer ? 'refused' : 'destroyed'
}

import {
  DeleteObjectCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
} from '@aws-sdk/client-s3'

import type { QuarantineKey, StorageKey } from '../../vocabulary/vocabulary.ts'
import { callS3Expecting, type S3Context } from './requests/s3-operation.ts'
import { isReadableKey, requireQuarantineKey } from '../storage-key.ts'

/** `refused`: an Object Lock keeps it, or a policy of the bucket. */
export type Destroyed = 'destroyed' | 'refused'

export type VersionRight = 's3:ListBucketVersions' | 's3:DeleteObjectVersion'

export type ObjectVersions = {
  /** The first right that the credentials lack; undefined when they may destroy. Changes nothing. */
  findMissingRight(): Promise<VersionRight | undefined>
  /** Every version that the bucket keeps of this object, and what hides them. May be ended at any moment and done again. */
  destroy(key: StorageKey | QuarantineKey): Promise<Destroyed>
}

export function createObjectVersions(context: S3Context): ObjectVersions {
  return {
    findMissingRight: () => findMissingRight(context),
    destroy: async (key) => destroyAll(context, isReadableKey(key) ? key : requireQuarantineKey(key)),
  }
}

/** What `s3 test` puts there, and removes; nobody's paper. */
const nobodysKey = 'test/connection_test.txt'

async function findMissingRight(context: S3Context): Promise<VersionRight | undefined> {
  if ((await listPage(context, nobodysKey, undefined)) === 'refused') return 's3:ListBucketVersions'
  const nothing = { key: nobodysKey, versionId: 'null' }
  return (await destroyOne(context, nothing)) === 'refused' ? 's3:DeleteObjectVersion' : undefined
}

const refusals = ['AccessDenied']

type Version = { key: string; versionId: string }

async function destroyAll(context: S3Context, key: string): Promise<Destroyed> {
  const { versions, markers } = await listAll(context, key)
  // Without the markers what is left would be there again: they go last, and only when nothing is.
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
    if (page === 'refused') throw new Error('The right to list the versions of objects was there a moment ago.')
    kept.versions.push(...of(key, page.Versions))
    kept.markers.push(...of(key, page.DeleteMarkers))
    from = page.IsTruncated ? page : undefined
  } while (from !== undefined)
  return kept
}

/** A prefix is no key: others may begin with it. */
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

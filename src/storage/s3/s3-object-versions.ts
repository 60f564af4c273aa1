import {
  DeleteObjectCommand,
  GetBucketLifecycleConfigurationCommand,
  type LifecycleRule,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  PutObjectLegalHoldCommand,
} from '@aws-sdk/client-s3'

import type { QuarantineKey, StorageKey } from '../../vocabulary/vocabulary.ts'
import { isReadableKey, requireQuarantineKey, testKey } from '../storage-key.ts'
import { callS3Expecting, type S3Context } from './requests/s3-operation.ts'

/** `refused`: an Object Lock or a bucket policy protects a version. */
type Destroyed = 'destroyed' | 'refused'

type VersionRight = 's3:ListBucketVersions' | 's3:DeleteObjectVersion'

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

async function findMissingRight(context: S3Context): Promise<VersionRight | undefined> {
  if ((await listPage(context, testKey, undefined)) === 'refused') return 's3:ListBucketVersions'
  const nothing = { key: testKey, versionId: 'null' }
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

async function listAll(context: S3Context, key: string): Promise<{ versions: Version[]; markers: Version[] }> {
  const versions: Version[] = []
  const markers: Version[] = []
  let from: Partial<ListObjectVersionsCommandOutput> | undefined
  do {
    const page: ListObjectVersionsCommandOutput | 'refused' = await listPage(context, key, from)
    if (page === 'refused') throw new Error('the right to list versions was lost during the call')
    versions.push(...versionsOf(key, page.Versions))
    markers.push(...versionsOf(key, page.DeleteMarkers))
    from = page.IsTruncated ? page : undefined
  } while (from !== undefined)
  return { versions, markers }
}

/** Filters a listing, because other keys may begin with this key. */
function versionsOf(
  key: string,
  listed: { Key?: string | undefined; VersionId?: string | undefined }[] = [],
): Version[] {
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

/** `no_lock`: the bucket has no Object Lock. `not_allowed`: the credentials lack `s3:PutObjectLegalHold`. */
export type LegalHoldOutcome = 'done' | 'missing' | 'no_lock' | 'not_allowed'

const outcomes = new Map<string, LegalHoldOutcome>([
  ['NoSuchKey', 'missing'],
  // The newest version is a delete marker.
  ['MethodNotAllowed', 'missing'],
  ['InvalidRequest', 'no_lock'],
  ['ObjectLockConfigurationNotFoundError', 'no_lock'],
  ['AccessDenied', 'not_allowed'],
])

/** Places or lifts Object Lock's legal hold on an object. */
export async function setLegalHold(context: S3Context, key: StorageKey, isHeld: boolean): Promise<LegalHoldOutcome> {
  const command = new PutObjectLegalHoldCommand({
    Bucket: context.bucket,
    Key: key,
    LegalHold: { Status: isHeld ? 'ON' : 'OFF' },
  })
  const answer = await callS3Expecting(
    context,
    { operation: 'put_legal_hold', key },
    { command, answers: [...outcomes.keys()] },
  )
  return 'errorName' in answer ? (outcomes.get(answer.errorName) ?? 'done') : 'done'
}

/** How long the lifecycle keeps old versions of an object. Undefined when no rule applies or the credentials may not read the rules. */
export async function findNoncurrentDays(context: S3Context, key: string): Promise<number | undefined> {
  const command = new GetBucketLifecycleConfigurationCommand({ Bucket: context.bucket })
  const unknown = ['AccessDenied', 'NoSuchLifecycleConfiguration']
  const answer = await callS3Expecting(context, { operation: 'get_lifecycle' }, { command, answers: unknown })
  if ('errorName' in answer) return undefined
  const days = (answer.Rules ?? []).flatMap((rule) => (appliesTo(rule, key) ? (daysOf(rule) ?? []) : []))
  return days.length === 0 ? undefined : Math.min(...days)
}

/** Ignores rules that filter by more than a prefix, because they may not apply to the object. */
function appliesTo({ Status, Filter, Prefix }: LifecycleRule, key: string): boolean {
  const { Prefix: filtered, ...others } = Filter ?? {}
  return Status === 'Enabled' && Object.keys(others).length === 0 && key.startsWith(filtered ?? Prefix ?? '')
}

/** A rule that keeps some newer versions does not say when the last one is removed. */
function daysOf({ NoncurrentVersionExpiration: expiration }: LifecycleRule): number | undefined {
  return expiration?.NewerNoncurrentVersions === undefined ? expiration?.NoncurrentDays : undefined
}

/**
 * Who may do what at S3, as data: the one source of the files beside it and of the roles that an app of the CDK makes.
 * Every action is named in full, and every resource is a bucket, keys of it, or another thing by its name.
 */
export type Statement = {
  Sid: string
  Effect: 'Allow'
  Action: string[]
  Resource: string[]
  Condition?: Record<string, Record<string, string | string[]>>
}

export type Policy = { Version: '2012-10-17'; Statement: Statement[] }

export type Folder = { bucket: string; /** Empty, or with a slash at its end. */ prefix: string }

/** What the policies are written for. */
export type Place = {
  bucket: string
  region: string
  /** The ARN of the key that encrypts the bucket, where one does. */
  kmsKey: string
  /** What `AUDIT_HEADS` names, where that is a bucket. */
  heads: Folder
  /** Where `backup` writes to, where that is a bucket. */
  backups: Folder
  /** Where S3 copies to, and the ARN of the role by which it does. */
  replica: { bucket: string; role: string }
}

/** One file of the service's own in the bucket says whose the bucket is; all papers lie below two folders. */
const owner = 'paniq-documents.json'
const papers = ['security_firms/*', 'quarantine/*']
const tested = 'test/connection_test.txt'

/** The service itself, and every command that has no policy of its own. */
export function servicePolicy({ bucket }: Pick<Place, 'bucket'>): Policy {
  return policy(
    allow('ListBucket', ['s3:ListBucket'], [bucketOf(bucket)]),
    allow(
      'ReadWriteAndRemove',
      ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'],
      [objectsOf(bucket, '*')],
    ),
  )
}

/** A legal hold of the service's is then one of Object Lock's too, where the bucket has that. */
export function objectLockPolicy({ bucket }: Pick<Place, 'bucket'>): Policy {
  return policy(allow('HoldPapers', ['s3:PutObjectLegalHold'], [objectsOf(bucket, 'security_firms/*')]))
}

/** The record of a purge then says when the bucket destroys what it hides. */
export function lifecyclePolicy({ bucket }: Pick<Place, 'bucket'>): Policy {
  return policy(allow('ReadLifecycle', ['s3:GetLifecycleConfiguration'], [bucketOf(bucket)]))
}

/** `verify` then finds uploads that nobody ended; the rule of the bucket that ends them is enough. */
export function unfinishedUploadsPolicy({ bucket }: Pick<Place, 'bucket'>): Policy {
  return policy(allow('ListUnfinishedUploads', ['s3:ListBucketMultipartUploads'], [bucketOf(bucket)]))
}

/** For the service, where `AUDIT_HEADS` names a bucket: heads are added, and neither read nor replaced nor removed. */
export function auditHeadsPolicy({ heads }: Pick<Place, 'heads'>): Policy {
  return policy(allow('AddHeads', ['s3:PutObject'], [objectsOf(heads.bucket, `${heads.prefix}*`)]))
}

/** For `audit verify`: the names of the heads say all. */
export function auditVerifyPolicy({ heads }: Pick<Place, 'heads'>): Policy {
  return policy(listBelow('ListHeads', heads))
}

/** For whoever writes what is encrypted with a key of KMS. S3 asks it for parts of an upload to be read again. */
export function kmsWritePolicy(place: Pick<Place, 'kmsKey' | 'region'>): Policy {
  return policy(useKey('EncryptAndDecryptThroughS3', ['kms:GenerateDataKey', 'kms:Decrypt'], place))
}

/** For whoever only reads it. */
export function kmsReadPolicy(place: Pick<Place, 'kmsKey' | 'region'>): Policy {
  return policy(useKey('DecryptThroughS3', ['kms:Decrypt'], place))
}

/** `s3 test`, given by an operator: it may make the bucket, and touches one object. */
export function s3TestPolicy({ bucket }: Pick<Place, 'bucket'>): Policy {
  return policy(
    allow('MakeAndLookAtBucket', ['s3:CreateBucket', 's3:ListBucket', 's3:GetBucketCORS'], [bucketOf(bucket)]),
    allow(
      'TryOneObject',
      ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'],
      [objectsOf(bucket, tested)],
    ),
  )
}

/** `purge --now`: it destroys every version of a paper, and can read none. Its own right is tried on a key of nobody's. */
export function purgeNowPolicy({ bucket }: Pick<Place, 'bucket'>): Policy {
  return policy(
    allow('ListVersions', ['s3:ListBucket', 's3:ListBucketVersions'], [bucketOf(bucket)]),
    allow('SeeWhoseBucket', ['s3:GetObject'], [objectsOf(bucket, owner)]),
    allow(
      'DestroyVersions',
      ['s3:DeleteObjectVersion'],
      [...papers, tested].map((key) => objectsOf(bucket, key)),
    ),
  )
}

/** All of them, by the names of their files. */
export const policies = {
  service: servicePolicy,
  'service-object-lock': objectLockPolicy,
  'service-lifecycle': lifecyclePolicy,
  'service-unfinished-uploads': unfinishedUploadsPolicy,
  'service-audit-heads': auditHeadsPolicy,
  'audit-verify': auditVerifyPolicy,
  'kms-write': kmsWritePolicy,
  'kms-read': kmsReadPolicy,
  's3-test': s3TestPolicy,
  'purge-now': purgeNowPolicy,
} satisfies Record<string, (place: Place) => Policy>

export type PolicyName = keyof typeof policies

function policy(...statements: Statement[]): Policy {
  return { Version: '2012-10-17', Statement: statements }
}

function allow(Sid: string, Action: string[], Resource: string[]): Statement {
  return { Sid, Effect: 'Allow', Action, Resource }
}

function bucketOf(bucket: string): string {
  return `arn:aws:s3:::${bucket}`
}

function objectsOf(bucket: string, keys: string): string {
  return `${bucketOf(bucket)}/${keys}`
}

function listBelow(sid: string, { bucket, prefix }: Folder): Statement {
  const list = allow(sid, ['s3:ListBucket'], [bucketOf(bucket)])
  return prefix === '' ? list : { ...list, Condition: { StringLike: { 's3:prefix': `${prefix}*` } } }
}

/** The key is of use through S3 of that region alone, not by itself. */
function useKey(sid: string, actions: string[], { kmsKey, region }: Pick<Place, 'kmsKey' | 'region'>): Statement {
  const through = { 'kms:ViaService': `s3.${region}.amazonaws.com` }
  return { ...allow(sid, actions, [kmsKey]), Condition: { StringEquals: through } }
}

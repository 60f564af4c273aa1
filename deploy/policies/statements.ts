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

/** Keys in the bucket. The first is of the file that says whose the bucket is, the last of nobody's. */
const owner = 'paniq-documents.json'
const documents = 'security_firms/*'
const putAside = 'quarantine/*'
const tested = 'test/connection_test.txt'

/** The service itself, and every command that has no policy of its own. */
export function servicePolicy({ bucket }: Pick<Place, 'bucket'>): Policy {
  return policy(
    allow('ListBucket', ['s3:ListBucket'], [bucketOf(bucket)]),
    allow(
      'ReadWriteAndRemove',
      ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'],
      [documents, putAside, tested].map((key) => objectsOf(bucket, key)),
    ),
    allow('ClaimTheBucket', ['s3:GetObject', 's3:PutObject'], [objectsOf(bucket, owner)]),
  )
}

/** A legal hold of the service's is then one of Object Lock's too, where the bucket has that. */
export function objectLockPolicy({ bucket }: Pick<Place, 'bucket'>): Policy {
  return policy(allow('HoldDocuments', ['s3:PutObjectLegalHold'], [objectsOf(bucket, 'security_firms/*')]))
}

/** The record of a purge then says when the bucket destroys what it hides. */
export function lifecyclePolicy({ bucket }: Pick<Place, 'bucket'>): Policy {
  return policy(allow('ReadLifecycle', ['s3:GetLifecycleConfiguration'], [bucketOf(bucket)]))
}

/** `verify` then finds uploads that nobody ended; the rule of the bucket that ends them is enough. */
export function unfinishedUploadsPolicy({ bucket }: Pick<Place, 'bucket'>): Policy {
  return policy(allow('ListUnfinishedUploads', ['s3:ListBucketMultipartUploads'], [bucketOf(bucket)]))
}

/**
 * For the service, where `AUDIT_HEADS` names a bucket: heads are neither read nor removed. Another head of the same
 * number has another name, so that it replaces none. The service rejects heads in the documents’ own bucket.
 */
export function auditHeadsPolicy({ heads }: Pick<Place, 'heads'>): Policy {
  return policy(allow('AddHeads', ['s3:PutObject'], [objectsOf(heads.bucket, `${heads.prefix}*`)]))
}

/** For `audit verify`: the names of the heads say all. */
export function auditVerifyPolicy({ heads }: Pick<Place, 'heads'>): Policy {
  const list = allow('ListHeads', ['s3:ListBucket'], [bucketOf(heads.bucket)])
  if (heads.prefix === '') return policy(list)
  return policy({ ...list, Condition: { StringLike: { 's3:prefix': `${heads.prefix}*` } } })
}

/** For writing objects that are encrypted with a key of KMS. S3 asks it for parts of an upload to be read again. */
export function kmsWritePolicy(place: Pick<Place, 'kmsKey' | 'region'>): Policy {
  return policy(useKey('EncryptAndDecryptThroughS3', ['kms:GenerateDataKey', 'kms:Decrypt'], place))
}

/** For reading them. */
export function kmsReadPolicy(place: Pick<Place, 'kmsKey' | 'region'>): Policy {
  return policy(useKey('DecryptThroughS3', ['kms:Decrypt'], place))
}

/** `s3 test`, given by an operator: it may make the bucket and look at how it is set up, and touches one object. */
export function s3TestPolicy({ bucket }: Pick<Place, 'bucket'>): Policy {
  return policy(
    allow('MakeAndListBucket', ['s3:CreateBucket', 's3:ListBucket'], [bucketOf(bucket)]),
    allow('ReadHowTheBucketIsSetUp', setupReads.filter(isLookedAt).map(inS3), [bucketOf(bucket)]),
    allow(
      'TryOneObject',
      ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'],
      [objectsOf(bucket, tested)],
    ),
  )
}

function isLookedAt(action: string): boolean {
  return action !== 'GetReplicationConfiguration'
}

/** `purge --now`: it destroys every version of a document, and can read none. Its own right is tried on a key of nobody's. */
export function purgeNowPolicy({ bucket }: Pick<Place, 'bucket'>): Policy {
  return policy(
    allow('ListVersions', ['s3:ListBucket', 's3:ListBucketVersions'], [bucketOf(bucket)]),
    allow('SeeWhoseBucket', ['s3:GetObject'], [objectsOf(bucket, owner)]),
    allow(
      'DestroyVersions',
      ['s3:DeleteObjectVersion'],
      [documents, putAside, tested].map((key) => objectsOf(bucket, key)),
    ),
  )
}

/**
 * `s3 setup`: it reads, sets and resets the bucket's configuration, and tries one object before and after. Anybody who may
 * change the bucket's policy can give themselves every other right to it: grant this one only while it is used.
 */
export function s3SetupPolicy({ bucket }: Pick<Place, 'bucket'>): Policy {
  return policy(
    allow('ReadHowTheBucketIsSetUp', setupReads.map(inS3), [bucketOf(bucket)]),
    allow('SetTheBucketUp', setupWrites.map(inS3), [bucketOf(bucket)]),
    allow('TryOneObject', ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'], [objectsOf(bucket, tested)]),
  )
}

/** Beside it where another bucket gets copies: S3 makes them with the rights of a role that is handed to it. */
export function s3SetupReplicationPolicy({ bucket, replica }: Pick<Place, 'bucket' | 'replica'>): Policy {
  const toS3 = { 'iam:PassedToService': 's3.amazonaws.com' }
  return policy(allow('SetReplication', ['s3:PutReplicationConfiguration'], [bucketOf(bucket)]), {
    ...allow('HandTheRoleToS3', ['iam:PassRole'], [replica.role]),
    Condition: { StringEquals: toS3 },
  })
}

const setupReads = [
  'GetBucketVersioning',
  'GetBucketPublicAccessBlock',
  'GetEncryptionConfiguration',
  'GetBucketPolicy',
  'GetLifecycleConfiguration',
  'GetBucketCORS',
  'GetReplicationConfiguration',
]

const setupWrites = [
  'PutBucketVersioning',
  'PutBucketPublicAccessBlock',
  'PutEncryptionConfiguration',
  'PutBucketPolicy',
  'DeleteBucketPolicy',
  'PutLifecycleConfiguration',
  'PutBucketCORS',
]

/** Of that role itself. */
export function replicationPolicy({ bucket, replica }: Pick<Place, 'bucket' | 'replica'>): Policy {
  const read = ['GetObjectVersionForReplication', 'GetObjectVersionAcl', 'GetObjectVersionTagging']
  const write = ['ReplicateObject', 'ReplicateDelete', 'ReplicateTags']
  return policy(
    allow('ReadTheRule', ['s3:GetReplicationConfiguration', 's3:ListBucket'], [bucketOf(bucket)]),
    allow('ReadVersions', read.map(inS3), [objectsOf(bucket, '*')]),
    allow('WriteCopies', write.map(inS3), [objectsOf(replica.bucket, '*')]),
  )
}

/**
 * `backup create` into a bucket: it reads documents, adds what the backups lack, and removes only what was left unfinished.
 * It may list the whole bucket of the backups: with a right for a prefix, S3 answers a missing object like a denied one.
 */
export function backupPolicy({ bucket, backups }: Pick<Place, 'bucket' | 'backups'>): Policy {
  const [below, unfinished] = [`${backups.prefix}*`, `${backups.prefix}backups/*`]
  return policy(
    allow('ListDocuments', ['s3:ListBucket'], [bucketOf(bucket)]),
    allow('ReadDocuments', ['s3:GetObject'], [objectsOf(bucket, documents)]),
    allow('ListBackups', ['s3:ListBucket'], [bucketOf(backups.bucket)]),
    allow('ReadAndAddToBackups', ['s3:GetObject', 's3:PutObject'], [objectsOf(backups.bucket, below)]),
    allow('RemoveUnfinishedBackups', ['s3:DeleteObject'], [objectsOf(backups.bucket, unfinished)]),
  )
}

/** `backup verify`. */
export function backupVerifyPolicy({ backups }: Pick<Place, 'backups'>): Policy {
  return policy(
    allow('ListBackups', ['s3:ListBucket'], [bucketOf(backups.bucket)]),
    allow('ReadBackups', ['s3:GetObject'], [objectsOf(backups.bucket, `${backups.prefix}*`)]),
  )
}

/** `backup verify --repair`: it renames content that is not what its name says, and can write nothing by a name that a backup reads. */
export function backupVerifyRepairPolicy({ backups }: Pick<Place, 'backups'>): Policy {
  const files = `${backups.prefix}files/*`
  return policy(
    ...backupVerifyPolicy({ backups }).Statement,
    allow('PutDamagedFilesAside', ['s3:PutObject'], [objectsOf(backups.bucket, `${files}.damaged`)]),
    allow('RemoveDamagedFiles', ['s3:DeleteObject'], [objectsOf(backups.bucket, files)]),
  )
}

/** `backup restore` into an empty bucket. */
export function backupRestorePolicy({ bucket, backups }: Pick<Place, 'bucket' | 'backups'>): Policy {
  return policy(
    allow('ListBackups', ['s3:ListBucket'], [bucketOf(backups.bucket)]),
    allow('ReadBackups', ['s3:GetObject'], [objectsOf(backups.bucket, `${backups.prefix}*`)]),
    allow('ListDocuments', ['s3:ListBucket'], [bucketOf(bucket)]),
    allow(
      'PutDocumentsBack',
      ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload'],
      [owner, documents].map((key) => objectsOf(bucket, key)),
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
  's3-setup': s3SetupPolicy,
  's3-setup-replication': s3SetupReplicationPolicy,
  replication: replicationPolicy,
  'purge-now': purgeNowPolicy,
  backup: backupPolicy,
  'backup-verify': backupVerifyPolicy,
  'backup-verify-repair': backupVerifyRepairPolicy,
  'backup-restore': backupRestorePolicy,
} satisfies Record<string, (place: Place) => Policy>

export type PolicyName = keyof typeof policies

function policy(...statements: Statement[]): Policy {
  return { Version: '2012-10-17', Statement: statements }
}

function allow(Sid: string, Action: string[], Resource: string[]): Statement {
  return { Sid, Effect: 'Allow', Action, Resource }
}

function inS3(action: string): string {
  return `s3:${action}`
}

function bucketOf(bucket: string): string {
  return `arn:aws:s3:::${bucket}`
}

function objectsOf(bucket: string, keys: string): string {
  return `${bucketOf(bucket)}/${keys}`
}

/** The key is of use through S3 of that region alone, not by itself. */
function useKey(sid: string, actions: string[], { kmsKey, region }: Pick<Place, 'kmsKey' | 'region'>): Statement {
  const through = { 'kms:ViaService': `s3.${region}.amazonaws.com` }
  return { ...allow(sid, actions, [kmsKey]), Condition: { StringEquals: through } }
}

import { testKey } from '../s3/diagnosis/connection-step.ts'

const partNames = ['versioning', 'policy', 'public_access', 'encryption', 'lifecycle', 'cors', 'replication'] as const
export type PartName = (typeof partNames)[number]

type PartRights = { read: string; write: string; /** To put back that nothing was there. */ clear: string }

/** What each part of `s3 setup` asks of the bucket. Data alone: the policies in `deploy` are made of it. */
export const setupRights: Record<PartName, PartRights> = {
  versioning: rights('GetBucketVersioning', 'PutBucketVersioning'),
  policy: rights('GetBucketPolicy', 'PutBucketPolicy', 'DeleteBucketPolicy'),
  public_access: rights('GetBucketPublicAccessBlock', 'PutBucketPublicAccessBlock'),
  encryption: rights('GetEncryptionConfiguration', 'PutEncryptionConfiguration'),
  lifecycle: rights('GetLifecycleConfiguration', 'PutLifecycleConfiguration'),
  cors: rights('GetBucketCORS', 'PutBucketCORS'),
  replication: rights('GetReplicationConfiguration', 'PutReplicationConfiguration'),
}

/** What it asks of objects: it puts, reads and removes one of its own, to prove that the bucket still takes papers. */
export const proofRights = ['s3:PutObject', 's3:GetObject', 's3:DeleteObject'] as const

function rights(read: string, write: string, clear: string = write): PartRights {
  return { read: `s3:${read}`, write: `s3:${write}`, clear: `s3:${clear}` }
}

/** What an operator asks for. What is not said stays as an earlier run of this command left it, or is as usual. */
export type BucketChoices = {
  noncurrentDays?: number
  transition?: NonNullable<LifecycleOptions['transition']> | 'off'
  quarantineDays?: number | 'off'
  /** A key of KMS by its ARN. */
  kmsKey?: string
  /** Pages of these may read what links lead to. */
  origins: string[]
  replication?: ReplicationChoice | 'off'
}

export type ReplicationChoice = ReplicationOptions & { role: string }

/** The four switches by which a bucket is closed to the public, whatever a policy or an ACL says. Data alone: `deploy/aws` has it too. */
export const publicAccessBlock = {
  BlockPublicAcls: true,
  IgnorePublicAcls: true,
  BlockPublicPolicy: true,
  RestrictPublicBuckets: true,
} as const

export type PublicAccessSwitch = keyof typeof publicAccessBlock

type EncryptionRuleData = {
  ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } | { SSEAlgorithm: 'aws:kms'; KMSMasterKeyID: string }
  BucketKeyEnabled: boolean
}

/** How what comes without a word of its own is encrypted: with S3's own key, or with this one of KMS. Data alone: `deploy/aws` has it too. */
export function encryptionRule(kmsKey: string | undefined): EncryptionRuleData {
  if (kmsKey === undefined)
    return { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' }, BucketKeyEnabled: false }
  return {
    ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: kmsKey },
    // KMS is asked once in a while for the bucket instead of for each paper, which costs a hundredth.
    BucketKeyEnabled: true,
  }
}

/** A statement of a bucket's policy, as JSON has it. */
type PolicyStatementData = {
  Sid: string
  Effect: 'Deny'
  Principal: { AWS: '*' }
  Action: string
  Resource: string[]
  Condition: Record<string, Record<string, string>>
}

/** The longest that a link may live, in milliseconds as S3 counts the age of a signature: the most that `DOWNLOAD_URL_SECONDS` takes. */
const oldestSignatureMs = 3_600_000

/** What `s3 setup` gives a bucket's policy; its other statements are somebody else's. Data alone: `deploy/aws` has it too. */
export function policyStatements(bucketArn: string): PolicyStatementData[] {
  const refusal = { Effect: 'Deny', Principal: { AWS: '*' }, Action: 's3:*' } as const
  const Resource = [bucketArn, `${bucketArn}/*`]
  return [
    { Sid: 'PaniqTlsOnly', ...refusal, Resource, Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
    {
      Sid: 'PaniqNoOldSignatures',
      ...refusal,
      Resource,
      Condition: { NumericGreaterThan: { 's3:signatureAge': String(oldestSignatureMs) } },
    },
  ]
}

/** In China and for the American government ARNs begin with another word. */
export function bucketArnOf(bucket: string, region: string): string {
  const partition = region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws'
  return `arn:${partition}:s3:::${bucket}`
}

/** Classes that give a paper back at once, as a link must, and keep it in more than one zone. */
export const transitionClasses = ['STANDARD_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR'] as const
type TransitionClass = (typeof transitionClasses)[number]

export type LifecycleOptions = {
  /** How long what was replaced or removed is kept. */
  noncurrentDays: number
  /** Moves papers to a cheaper class when they are so old. Undefined: they stay where they are. */
  transition: { days: number; storageClass: TransitionClass } | undefined
  /** Removes what lies in quarantine when it is so old. Undefined: a person does. */
  quarantineDays: number | undefined
}

export type LifecycleRuleData = {
  ID: string
  Status: 'Enabled'
  Filter: { Prefix: string }
  AbortIncompleteMultipartUpload?: { DaysAfterInitiation: number }
  NoncurrentVersionTransitions?: { NoncurrentDays: number; StorageClass: TransitionClass }[]
  NoncurrentVersionExpiration?: { NoncurrentDays: number }
  Transitions?: { Days: number; StorageClass: TransitionClass }[]
  Expiration?: { Days: number } | { ExpiredObjectDeleteMarker: true }
}

export const defaultNoncurrentDays = 90
const unfinishedDays = 3
export const documentsPrefix = 'security_firms/'
export const quarantinePrefix = 'quarantine/'

// Amazon takes nothing into STANDARD_IA sooner, and has it paid for so long at least.
export const minDaysInStandard = 30
const leastDaysInIa = 30

/** What `s3 setup` gives a bucket's lifecycle; its other rules are somebody else's. Data alone: `deploy/aws` has it too. */
export function lifecycleRules(wish: LifecycleOptions): LifecycleRuleData[] {
  const { noncurrentDays, transition, quarantineDays } = wish
  const rules: LifecycleRuleData[] = [
    {
      ...ruleFor('paniq-unfinished-uploads', ''),
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: unfinishedDays },
    },
    { ...ruleFor('paniq-old-versions', documentsPrefix), ...oldVersions(noncurrentDays), ...withoutEmptyMarkers },
    {
      ...ruleFor('paniq-quarantine', quarantinePrefix),
      NoncurrentVersionExpiration: { NoncurrentDays: noncurrentDays },
      // With a number of days S3 takes away the markers that hide nothing by itself.
      ...(quarantineDays === undefined ? withoutEmptyMarkers : { Expiration: { Days: quarantineDays } }),
    },
    {
      ...ruleFor('paniq-connection-test', testKey),
      NoncurrentVersionExpiration: { NoncurrentDays: 1 },
      ...withoutEmptyMarkers,
    },
  ]
  if (transition === undefined) return rules
  const { days, storageClass } = transition
  const moving = { Transitions: [{ Days: days, StorageClass: storageClass }] }
  return [...rules, { ...ruleFor('paniq-current-versions', documentsPrefix), ...moving }]
}

function ruleFor(id: string, prefix: string): Pick<LifecycleRuleData, 'ID' | 'Status' | 'Filter'> {
  return { ID: id, Status: 'Enabled', Filter: { Prefix: prefix } }
}

const withoutEmptyMarkers = { Expiration: { ExpiredObjectDeleteMarker: true } } as const

/** What goes soon is not moved first: it would be paid for as if it had stayed. */
function oldVersions(
  noncurrentDays: number,
): Pick<LifecycleRuleData, 'NoncurrentVersionTransitions' | 'NoncurrentVersionExpiration'> {
  const expiration = { NoncurrentVersionExpiration: { NoncurrentDays: noncurrentDays } }
  if (noncurrentDays < minDaysInStandard + leastDaysInIa) return expiration
  const moving = { NoncurrentDays: minDaysInStandard, StorageClass: 'STANDARD_IA' } as const
  return { NoncurrentVersionTransitions: [moving], ...expiration }
}

type CorsRuleData = {
  ID: string
  AllowedOrigins: string[]
  AllowedMethods: string[]
  AllowedHeaders: string[]
  ExposeHeaders: string[]
  MaxAgeSeconds: number
}

/** By which pages of these origins read what links lead to. Data alone: `deploy/aws` has it too. */
export function corsRule(origins: string[]): CorsRuleData {
  return {
    ID: 'paniq-links',
    AllowedOrigins: origins,
    AllowedMethods: ['GET', 'HEAD'],
    AllowedHeaders: ['*'],
    ExposeHeaders: ['ETag', 'Content-Length', 'Content-Range', 'Content-Disposition'],
    MaxAgeSeconds: 3600,
  }
}

export type ReplicationOptions = {
  bucketArn: string
  /** With which its copies are encrypted, where the papers are encrypted with a key of KMS. */
  kmsKey: string | undefined
  /** Whether what is removed here goes there too, in the days of that bucket's own lifecycle. */
  followsDeletes: boolean
}

export type ReplicationRuleData = {
  ID: string
  Priority: number
  Status: 'Enabled'
  Filter: { Prefix: string }
  DeleteMarkerReplication: { Status: 'Enabled' | 'Disabled' }
  SourceSelectionCriteria?: { SseKmsEncryptedObjects: { Status: 'Enabled' } }
  Destination: {
    Bucket: string
    /** The figures that the alarms of `deploy/aws` look at. */
    Metrics: { Status: 'Enabled' }
    EncryptionConfiguration?: { ReplicaKmsKeyID: string }
  }
}

/** By which all that is in the bucket is copied elsewhere. Data alone: `deploy/aws` has it too. */
export function replicationRule(
  { bucketArn, kmsKey, followsDeletes }: ReplicationOptions,
  priority: number,
): ReplicationRuleData {
  const rule = {
    ID: 'paniq-replica',
    Priority: priority,
    Status: 'Enabled',
    Filter: { Prefix: '' },
    DeleteMarkerReplication: { Status: followsDeletes ? 'Enabled' : 'Disabled' },
  } as const
  const Destination = { Bucket: bucketArn, Metrics: { Status: 'Enabled' } } as const
  if (kmsKey === undefined) return { ...rule, Destination }
  return {
    ...rule,
    // Without these two words S3 leaves out what is encrypted with a key of KMS, and says nothing.
    SourceSelectionCriteria: { SseKmsEncryptedObjects: { Status: 'Enabled' } },
    Destination: { ...Destination, EncryptionConfiguration: { ReplicaKmsKeyID: kmsKey } },
  }
}

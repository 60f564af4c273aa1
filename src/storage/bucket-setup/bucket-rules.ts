import type { LifecycleOptions } from './lifecycle-rules.ts'

const partNames = ['versioning', 'policy', 'public_access', 'encryption', 'lifecycle', 'cors', 'replication'] as const
export type PartName = (typeof partNames)[number]

type PartRights = { read: string; write: string; /** Restores the state without a setting. */ clear: string }

/** The rights that each part of `s3 setup` needs. Data only: the policies in `deploy` are generated from it. */
export const setupRights: Record<PartName, PartRights> = {
  versioning: rights('GetBucketVersioning', 'PutBucketVersioning'),
  policy: rights('GetBucketPolicy', 'PutBucketPolicy', 'DeleteBucketPolicy'),
  public_access: rights('GetBucketPublicAccessBlock', 'PutBucketPublicAccessBlock'),
  encryption: rights('GetEncryptionConfiguration', 'PutEncryptionConfiguration'),
  lifecycle: rights('GetLifecycleConfiguration', 'PutLifecycleConfiguration'),
  cors: rights('GetBucketCORS', 'PutBucketCORS'),
  replication: rights('GetReplicationConfiguration', 'PutReplicationConfiguration'),
}

/** The rights for the probe, which puts, reads and deletes one object. */
export const proofRights = ['s3:PutObject', 's3:GetObject', 's3:DeleteObject'] as const

function rights(read: string, write: string, clear: string = write): PartRights {
  return { read: `s3:${read}`, write: `s3:${write}`, clear: `s3:${clear}` }
}

/** The operator's options. A missing option keeps the setting of an earlier run, or the default. */
export type BucketChoices = {
  noncurrentDays?: number
  transition?: NonNullable<LifecycleOptions['transition']> | 'off'
  quarantineDays?: number | 'off'
  /** The ARN of a KMS key. */
  kmsKey?: string
  /** The origins whose pages may read from links. */
  origins: string[]
  replication?: ReplicationChoice | 'off'
}

export type ReplicationChoice = ReplicationOptions & { role: string }

/** The four switches that block public access despite any policy or ACL. Data only: `deploy/aws` uses it too. */
export const publicAccessBlock = {
  BlockPublicAcls: true,
  IgnorePublicAcls: true,
  BlockPublicPolicy: true,
  RestrictPublicBuckets: true,
} as const

export type PublicAccessSwitch = keyof typeof publicAccessBlock

/** The default encryption: with S3's own key, or with this KMS key. Data only: `deploy/aws` uses it too. */
export function encryptionRule(kmsKey: string | undefined) {
  const byS3 = { SSEAlgorithm: 'AES256' } as const
  if (kmsKey === undefined) return { ApplyServerSideEncryptionByDefault: byS3, BucketKeyEnabled: false }
  const byKey = { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: kmsKey } as const
  return {
    ApplyServerSideEncryptionByDefault: byKey,
    // One KMS call serves many objects, which costs a hundredth.
    BucketKeyEnabled: true,
  }
}

/** Lets pages of these origins read from links. Data only: `deploy/aws` uses it too. */
export function corsRule(origins: string[]) {
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
  /** The key for the copies, if the documents are encrypted with a KMS key. */
  kmsKey: string | undefined
  /** Whether removals are replicated. The target's lifecycle then deletes the versions. */
  followsDeletes: boolean
}

const enabled = { Status: 'Enabled' } as const

/** Replicates the whole bucket. Data only: `deploy/aws` uses it too. */
export function replicationRule({ bucketArn, kmsKey, followsDeletes }: ReplicationOptions, priority: number) {
  return {
    ID: 'paniq-replica',
    Priority: priority,
    ...enabled,
    Filter: { Prefix: '' },
    DeleteMarkerReplication: { Status: followsDeletes ? 'Enabled' : 'Disabled' },
    // Without this and the key below, S3 silently skips objects that are encrypted with a KMS key.
    ...(kmsKey === undefined ? {} : { SourceSelectionCriteria: { SseKmsEncryptedObjects: enabled } }),
    Destination: {
      Bucket: bucketArn,
      // For the alarms of `deploy/aws`.
      Metrics: enabled,
      ...(kmsKey === undefined ? {} : { EncryptionConfiguration: { ReplicaKmsKeyID: kmsKey } }),
    },
  } as const
}

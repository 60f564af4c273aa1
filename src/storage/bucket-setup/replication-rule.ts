export type ReplicationWish = {
  /** The bucket that gets a copy, in another region. */
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
  { bucketArn, kmsKey, followsDeletes }: ReplicationWish,
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

const partNames = ['versioning', 'policy', 'public_access', 'encryption', 'lifecycle', 'cors', 'replication'] as const
export type PartName = (typeof partNames)[number]

export type PartRights = { read: string; write: string; /** To put back that nothing was there. */ clear: string }

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

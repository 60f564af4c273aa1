import type { CfnBucket } from 'aws-cdk-lib/aws-s3'

import {
  publicAccessBlock,
  corsRule,
  encryptionRule,
  replicationRule,
  type ReplicationOptions,
} from '../../src/storage/bucket-setup/bucket-rules.ts'
import { type LifecycleRuleData, lifecycleRules } from '../../src/storage/bucket-setup/lifecycle-rules.ts'

/** The bucket settings of `s3 setup` as properties of CloudFormation. */

export function lifecycleOf(noncurrentDays: number): CfnBucket.LifecycleConfigurationProperty {
  const rules = lifecycleRules({ noncurrentDays, transition: undefined, quarantineDays: undefined })
  return { rules: rules.map(lifecycleRuleOf) }
}

function lifecycleRuleOf(rule: LifecycleRuleData): CfnBucket.RuleProperty {
  const { AbortIncompleteMultipartUpload: abort, NoncurrentVersionExpiration: gone, Expiration: end } = rule
  return {
    id: rule.ID,
    status: rule.Status,
    prefix: rule.Filter.Prefix,
    ...(abort && { abortIncompleteMultipartUpload: { daysAfterInitiation: abort.DaysAfterInitiation } }),
    ...(rule.NoncurrentVersionTransitions && {
      noncurrentVersionTransitions: rule.NoncurrentVersionTransitions.map((each) => ({
        transitionInDays: each.NoncurrentDays,
        storageClass: each.StorageClass,
      })),
    }),
    ...(gone && { noncurrentVersionExpiration: { noncurrentDays: gone.NoncurrentDays } }),
    ...(end && ('Days' in end ? { expirationInDays: end.Days } : { expiredObjectDeleteMarker: true })),
  }
}

export function encryptionOf(kmsKey: string): CfnBucket.BucketEncryptionProperty {
  const { ApplyServerSideEncryptionByDefault: byDefault, BucketKeyEnabled: bucketKeyEnabled } = encryptionRule(kmsKey)
  const { SSEAlgorithm: sseAlgorithm } = byDefault
  return {
    serverSideEncryptionConfiguration: [
      { serverSideEncryptionByDefault: { sseAlgorithm, kmsMasterKeyId: kmsKey }, bucketKeyEnabled },
    ],
  }
}

export function publicAccessOf(): CfnBucket.PublicAccessBlockConfigurationProperty {
  return {
    blockPublicAcls: publicAccessBlock.BlockPublicAcls,
    ignorePublicAcls: publicAccessBlock.IgnorePublicAcls,
    blockPublicPolicy: publicAccessBlock.BlockPublicPolicy,
    restrictPublicBuckets: publicAccessBlock.RestrictPublicBuckets,
  }
}

/** Undefined where no page of another origin reads links. */
export function corsOf(origins: string[]): CfnBucket.CorsConfigurationProperty | undefined {
  if (origins.length === 0) return undefined
  const rule = corsRule(origins)
  return {
    corsRules: [
      {
        id: rule.ID,
        allowedOrigins: rule.AllowedOrigins,
        allowedMethods: rule.AllowedMethods,
        allowedHeaders: rule.AllowedHeaders,
        exposedHeaders: rule.ExposeHeaders,
        maxAge: rule.MaxAgeSeconds,
      },
    ],
  }
}

export function replicationOf(role: string, options: ReplicationOptions): CfnBucket.ReplicationConfigurationProperty {
  const rule = replicationRule(options, 1)
  const { SourceSelectionCriteria: criteria, Destination: to } = rule
  return {
    role,
    rules: [
      {
        id: rule.ID,
        priority: rule.Priority,
        status: rule.Status,
        filter: { prefix: rule.Filter.Prefix },
        deleteMarkerReplication: { status: rule.DeleteMarkerReplication.Status },
        ...(criteria && {
          sourceSelectionCriteria: { sseKmsEncryptedObjects: { status: criteria.SseKmsEncryptedObjects.Status } },
        }),
        destination: {
          bucket: to.Bucket,
          ...(to.EncryptionConfiguration && {
            encryptionConfiguration: { replicaKmsKeyId: to.EncryptionConfiguration.ReplicaKmsKeyID },
          }),
          metrics: { status: to.Metrics.Status },
        },
      },
    ],
  }
}

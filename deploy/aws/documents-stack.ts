import { type App, CfnOutput, Stack, type StackProps } from 'aws-cdk-lib'
import { CfnRole } from 'aws-cdk-lib/aws-iam'
import type { Construct } from 'constructs'

import { replicationPolicy } from '../policies/statements.ts'
import { bucketAlarms, wholeBucket } from './bucket-alarms.ts'
import { corsOf, replicationOf } from './bucket-configuration.ts'
import type { Deployment } from './deployment.ts'
import { distributionArn, distributionReads } from './distribution-configuration.ts'
import { papersBucket } from './documents-bucket.ts'
import { papersKey } from './documents-key.ts'
import { replicationKeyPolicy } from './replication-key-policy.ts'
import { commandRoles, type KnownPlace, trustService } from './roles.ts'

type Complete = Deployment & { made: NonNullable<Deployment['made']> }
type Keys = { kmsKey: string; replicaKey: string }

/** The bucket of documents, its key, the roles and the alarms. */
export function documentsStack(app: App, deployment: Complete, props: StackProps): Stack {
  const stack = new Stack(app, 'paniq-documents', props)
  const { account, bucket, region, replica, made, heads, backups } = deployment
  const readBy = distributionArn(account, made.distribution)
  const key = papersKey(stack, { account, description: `Documents in ${bucket}`, readBy })
  const role = replicationRole(stack, deployment, { kmsKey: key.attrArn, replicaKey: made.replicaKey })
  papersBucket(stack, {
    name: bucket,
    region,
    kmsKey: key.attrArn,
    noncurrentDays: deployment.noncurrentDays,
    more: {
      corsConfiguration: corsOf(deployment.origins),
      replicationConfiguration: replicationOf(role.attrArn, {
        bucketArn: `arn:aws:s3:::${replica.bucket}`,
        kmsKey: made.replicaKey,
        followsDeletes: true,
      }),
      metricsConfigurations: [wholeBucket],
    },
    statements: distributionReads({ bucket, distribution: readBy }),
  })
  const known = { bucket, region, kmsKey: key.attrArn, replica: { bucket: replica.bucket, role: role.attrArn } }
  const place: KnownPlace = { ...known, ...(heads && { heads }), ...(backups && { backups }) }
  for (const [name, { attrArn: value }] of Object.entries(commandRoles(stack, place, deployment)))
    new CfnOutput(stack, name, { value })
  bucketAlarms(stack, deployment)
  return stack
}

function replicationRole(scope: Construct, deployment: Deployment, { kmsKey, replicaKey }: Keys): CfnRole {
  const { bucket, region, replica } = deployment
  // The role's own name is no part of what it may do.
  const copying = replicationPolicy({ bucket, replica: { bucket: replica.bucket, role: '' } })
  const keys = replicationKeyPolicy({ kmsKey, region }, { kmsKey: replicaKey, region: replica.region })
  return new CfnRole(scope, 'ReplicationRole', {
    description: `Copies documents from ${bucket} to ${replica.bucket}`,
    assumeRolePolicyDocument: trustService('s3.amazonaws.com'),
    policies: [
      { policyName: 'replication', policyDocument: copying },
      { policyName: 'kms', policyDocument: keys },
    ],
  })
}

import {
  GetBucketCorsCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketReplicationCommand,
  GetBucketVersioningCommand,
  GetPublicAccessBlockCommand,
  type S3Client,
} from '@aws-sdk/client-s3'

/** All settings of `s3 setup`, as the store returns them; undefined for missing ones. */
export async function readBucketSetup(client: S3Client, bucket: string) {
  const Bucket = { Bucket: bucket }
  return {
    versioning: (await client.send(new GetBucketVersioningCommand(Bucket))).Status,
    publicAccess: (await orNone(client.send(new GetPublicAccessBlockCommand(Bucket))))?.PublicAccessBlockConfiguration,
    encryption: (await orNone(client.send(new GetBucketEncryptionCommand(Bucket))))?.ServerSideEncryptionConfiguration
      ?.Rules,
    policy: policyOf((await orNone(client.send(new GetBucketPolicyCommand(Bucket))))?.Policy),
    lifecycle: (await orNone(client.send(new GetBucketLifecycleConfigurationCommand(Bucket))))?.Rules,
    cors: (await orNone(client.send(new GetBucketCorsCommand(Bucket))))?.CORSRules,
    replication: (await orNone(client.send(new GetBucketReplicationCommand(Bucket))))?.ReplicationConfiguration,
  }
}

export type PolicyStatement = { Sid?: string; Effect: string; Action: string | string[]; Condition?: object }

function policyOf(text: string | undefined): PolicyStatement[] | undefined {
  if (text === undefined) return undefined
  const policy: { Statement: PolicyStatement[] } = JSON.parse(text)
  return policy.Statement
}

async function orNone<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof Error && /NotFound|NoSuch/.test(error.name) && error.name !== 'NoSuchBucket') return undefined
    throw error
  }
}

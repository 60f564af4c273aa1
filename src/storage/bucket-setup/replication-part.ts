import {
  DeleteBucketReplicationCommand,
  GetBucketReplicationCommand,
  PutBucketReplicationCommand,
  type ReplicationConfiguration,
  type ReplicationRule,
} from '@aws-sdk/client-s3'

import { isAmazon } from '../s3/requests/retrying-s3-client.ts'
import {
  type BucketContext,
  withRight,
  type Items,
  type PartDefinition,
  CannotApply,
  undefinedOn,
} from './bucket-part.ts'
import { encryptionPart } from './versioning-access-encryption-cors.ts'
import { isUnsupported } from './apply-part.ts'
import { replicationRule, type ReplicationRuleData, setupRights } from './bucket-rules.ts'

const ourId = 'paniq-replica'

export const replicationPart: PartDefinition<ReplicationConfiguration> = {
  part: 'replication',
  title: 'Replication',
  async read({ client, config, signal }) {
    const command = new GetBucketReplicationCommand({ Bucket: config.bucket })
    const none = 'ReplicationConfigurationNotFoundError'
    const answer = await undefinedOn(none, client.send(command, { abortSignal: signal }))
    // Some stores answer with a configuration without rules when there is none.
    const found = answer?.ReplicationConfiguration
    return found?.Rules === undefined ? undefined : found
  },
  ours: (held) => itemsOf(held?.Role, findOurs(held)),
  wanted({ choices: { replication: options }, held, context }) {
    if (options === undefined) return itemsOf(held?.Role, findOurs(held))
    if (options === 'off') return {}
    requireOneRole(options.role, held)
    const rule = replicationRule(options, findOurs(held)?.Priority ?? freePriority(held))
    return itemsOf(options.role, isAmazon(context.config) ? rule : withoutMetrics(rule))
  },
  async requireCompatible(context, { kmsKey }, { [ourId]: rule }) {
    // The items are our own rule, or a rule that was read.
    if (rule === undefined || copiesKms(rule as ReplicationRule)) return
    if (kmsKey !== undefined || (await isEncryptedWithKms(context)))
      throw new CannotApply(
        'The bucket encrypts with a KMS key, and with this rule S3 silently skips such objects. Use --replicate-to with --replica-kms-key <arn>, a key of the replica’s region, or --replicate-to off',
      )
  },
  merge(held, { role, 'paniq-replica': rule }) {
    const others = othersIn(held)
    // The items are our own rule, or a rule that was read.
    const Rules = rule === undefined ? others : [...others, rule as ReplicationRule]
    return Rules.length === 0 ? undefined : { Role: typeof role === 'string' ? role : held?.Role, Rules }
  },
  write: ({ client, config }, held) =>
    client.send(new PutBucketReplicationCommand({ Bucket: config.bucket, ReplicationConfiguration: held })),
  clear: ({ client, config }) => client.send(new DeleteBucketReplicationCommand({ Bucket: config.bucket })),
  isRequested: ({ replication }) => replication !== undefined && replication !== 'off',
  reminder: ({ replication }) =>
    replication === undefined || replication === 'off'
      ? undefined
      : 'Only new objects are copied. S3 Batch Replication copies existing ones. Set up the other bucket with this command too, so that removed objects are also deleted there',
}

function isOurs({ ID }: ReplicationRule): boolean {
  return ID === ourId
}

function findOurs(held: ReplicationConfiguration | undefined): ReplicationRule | undefined {
  return held?.Rules?.find(isOurs)
}

function othersIn(held: ReplicationConfiguration | undefined): ReplicationRule[] {
  return held?.Rules?.filter((rule) => !isOurs(rule)) ?? []
}

/** Whether a rule copies objects that are encrypted with KMS, which needs both settings. */
function copiesKms({ SourceSelectionCriteria: criteria, Destination: to }: ReplicationRule): boolean {
  const isSelected = criteria?.SseKmsEncryptedObjects?.Status === 'Enabled'
  return isSelected && to?.EncryptionConfiguration?.ReplicaKmsKeyID !== undefined
}

async function isEncryptedWithKms(context: BucketContext): Promise<boolean> {
  try {
    const rule = await withRight(setupRights.encryption.read, () => encryptionPart.read(context))
    return rule?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm?.startsWith('aws:kms') === true
  } catch (error) {
    if (isUnsupported(context, error)) return false
    throw error
  }
}

/** Metrics belong to CloudWatch. Other stores do not support them. */
function withoutMetrics({ Destination: { Metrics: _metrics, ...to }, ...rule }: ReplicationRuleData): ReplicationRule {
  return { ...rule, Destination: to }
}

function requireOneRole(role: string, held: ReplicationConfiguration | undefined): void {
  if (othersIn(held).length === 0 || held?.Role === role) return
  throw new CannotApply(
    `This bucket already has replication rules of others with the role ${held?.Role}, and a bucket has only one role. Use --replication-role ${held?.Role}, or remove those rules.`,
  )
}

/** Priorities must be unique. */
function freePriority(held: ReplicationConfiguration | undefined): number {
  return Math.max(0, ...othersIn(held).map(({ Priority }) => Priority ?? 0)) + 1
}

function itemsOf(role: string | undefined, rule: ReplicationRule | undefined): Items {
  return rule === undefined ? {} : { role, [ourId]: rule }
}

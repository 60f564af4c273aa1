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
    // Where there is none some stores answer with a configuration that has no rules.
    const found = answer?.ReplicationConfiguration
    return found?.Rules === undefined ? undefined : found
  },
  ours: (held) => itemsOf(held?.Role, findOurs(held)),
  wanted({ choices: { replication: wish }, held, context }) {
    if (wish === undefined) return itemsOf(held?.Role, findOurs(held))
    if (wish === 'off') return {}
    requireOneRole(wish.role, held)
    const rule = replicationRule(wish, findOurs(held)?.Priority ?? freePriority(held))
    return itemsOf(wish.role, isAmazon(context.config) ? rule : withoutFigures(rule))
  },
  async requireCompatible(context, { kmsKey }, { [ourId]: rule }) {
    // Of our own making, or read from a rule.
    if (rule === undefined || copiesKms(rule as ReplicationRule)) return
    if (kmsKey !== undefined || (await isEncryptedWithKms(context)))
      throw new CannotApply(
        'The bucket encrypts with a key of KMS, and by this rule S3 copies nothing that is encrypted so, and says nothing. Give --replicate-to with --replica-kms-key <arn>, a key of the replica’s region, or --replicate-to off',
      )
  },
  merge(held, { role, 'paniq-replica': rule }) {
    const others = othersIn(held)
    // Of our own making, or read from a rule.
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
      : 'Only what comes from now on is copied; S3 Batch Replication copies what is there. Set the other bucket up with this command too, so that what was removed goes there as well',
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

/** It takes both. */
function copiesKms({ SourceSelectionCriteria: criteria, Destination: to }: ReplicationRule): boolean {
  const isMeant = criteria?.SseKmsEncryptedObjects?.Status === 'Enabled'
  return isMeant && to?.EncryptionConfiguration?.ReplicaKmsKeyID !== undefined
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

/** They are CloudWatch’s: other stores keep no such thing. */
function withoutFigures({ Destination: { Metrics: _figures, ...to }, ...rule }: ReplicationRuleData): ReplicationRule {
  return { ...rule, Destination: to }
}

function requireOneRole(role: string, held: ReplicationConfiguration | undefined): void {
  if (othersIn(held).length === 0 || held?.Role === role) return
  throw new CannotApply(
    `This bucket replicates already, with the role ${held?.Role}, by rules that are not this command’s; a bucket has one role. Give --replication-role ${held?.Role}, or take those rules away.`,
  )
}

/** No two rules may have the same. */
function freePriority(held: ReplicationConfiguration | undefined): number {
  return Math.max(0, ...othersIn(held).map(({ Priority }) => Priority ?? 0)) + 1
}

function itemsOf(role: string | undefined, rule: ReplicationRule | undefined): Items {
  return rule === undefined ? {} : { role, [ourId]: rule }
}

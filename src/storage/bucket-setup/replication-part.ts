import {
  DeleteBucketReplicationCommand,
  GetBucketReplicationCommand,
  PutBucketReplicationCommand,
  type ReplicationConfiguration,
  type ReplicationRule,
} from '@aws-sdk/client-s3'

import { isAmazon } from '../s3/requests/retrying-s3-client.ts'
import { isUnsupported } from './apply-part.ts'
import { type BucketContext, CannotApply, getSetting, type Items, type PartDefinition } from './bucket-part.ts'
import { replicationRule } from './bucket-rules.ts'
import { encryptionPart } from './versioning-access-encryption-cors.ts'

const ourId = 'paniq-replica'

export const replicationPart: PartDefinition<ReplicationConfiguration> = {
  part: 'replication',
  absentCode: 'ReplicationConfigurationNotFoundError',
  async get({ client, at, reading }) {
    const answer = await client.send(new GetBucketReplicationCommand(at), reading)
    // Some stores answer with a configuration without rules when there is none.
    return answer.ReplicationConfiguration?.Rules && answer.ReplicationConfiguration
  },
  put: ({ client, at }, setting) =>
    client.send(new PutBucketReplicationCommand({ ...at, ReplicationConfiguration: setting })),
  delete: ({ client, at }) => client.send(new DeleteBucketReplicationCommand(at)),
  ours: (setting) => itemsOf(setting?.Role, findOurs(setting)),
  wanted({ choices: { replication: options }, setting, context }) {
    if (options === undefined) return itemsOf(setting?.Role, findOurs(setting))
    if (options === 'off') return {}
    requireOneRole(options.role, setting)
    const rule = replicationRule(options, findOurs(setting)?.Priority ?? freePriority(setting))
    return itemsOf(options.role, isAmazon(context.config) ? rule : withoutMetrics(rule))
  },
  async requireCompatible(context, { kmsKey }, { [ourId]: rule }) {
    // The items are our own rule, or a rule that was read.
    if (rule === undefined || copiesKms(rule as ReplicationRule)) return
    // With such a rule, S3 silently skips objects that are encrypted with KMS.
    if (kmsKey !== undefined || (await isEncryptedWithKms(context)))
      throw new CannotApply({ kind: 'skips_kms_objects' })
  },
  merge(setting, { role, [ourId]: rule }) {
    const others = othersIn(setting)
    // The items are our own rule, or a rule that was read.
    const Rules = rule === undefined ? others : [...others, rule as ReplicationRule]
    return Rules.length === 0 ? undefined : { Role: typeof role === 'string' ? role : setting?.Role, Rules }
  },
  isRequested: ({ replication }) => replication !== undefined && replication !== 'off',
}

function findOurs(setting: ReplicationConfiguration | undefined): ReplicationRule | undefined {
  return setting?.Rules?.find(({ ID }) => ID === ourId)
}

function othersIn(setting: ReplicationConfiguration | undefined): ReplicationRule[] {
  return setting?.Rules?.filter(({ ID }) => ID !== ourId) ?? []
}

/** A bucket has only one role for all rules. */
function requireOneRole(role: string, setting: ReplicationConfiguration | undefined): void {
  if (othersIn(setting).length > 0 && setting?.Role !== role)
    throw new CannotApply({ kind: 'other_role', role: setting?.Role })
}

/** Priorities must be unique. */
function freePriority(setting: ReplicationConfiguration | undefined): number {
  return Math.max(0, ...othersIn(setting).map(({ Priority }) => Priority ?? 0)) + 1
}

/** Whether a rule copies objects that are encrypted with KMS, which needs both settings. */
function copiesKms({ SourceSelectionCriteria: criteria, Destination: to }: ReplicationRule): boolean {
  const isSelected = criteria?.SseKmsEncryptedObjects?.Status === 'Enabled'
  return isSelected && to?.EncryptionConfiguration?.ReplicaKmsKeyID !== undefined
}

async function isEncryptedWithKms(context: BucketContext): Promise<boolean> {
  try {
    const rule = await getSetting(encryptionPart, context)
    return rule?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm?.startsWith('aws:kms') === true
  } catch (error) {
    if (isUnsupported(context, error)) return false
    throw error
  }
}

/** Metrics belong to CloudWatch. Other stores do not support them. */
function withoutMetrics({
  Destination: { Metrics: _metrics, ...to },
  ...rule
}: ReturnType<typeof replicationRule>): ReplicationRule {
  return { ...rule, Destination: to }
}

function itemsOf(role: string | undefined, rule: ReplicationRule | undefined): Items {
  return rule === undefined ? {} : { role, [ourId]: rule }
}

import {
  DeleteBucketReplicationCommand,
  GetBucketReplicationCommand,
  PutBucketReplicationCommand,
  type ReplicationConfiguration,
  type ReplicationRule,
} from '@aws-sdk/client-s3'

import { type PartDefinition, Refused } from './bucket-part.ts'
import type { Items } from './compare-items.ts'
import { replicationRule } from './replication-rule.ts'
import { unless } from './unless.ts'

export const replicationPart: PartDefinition<ReplicationConfiguration> = {
  part: 'replication',
  title: 'Replication',
  async read({ client, config, signal }) {
    const command = new GetBucketReplicationCommand({ Bucket: config.bucket })
    const none = 'ReplicationConfigurationNotFoundError'
    const answer = await unless(none, client.send(command, { abortSignal: signal }))
    // Where there is none some stores answer with a configuration that has no rules.
    const found = answer?.ReplicationConfiguration
    return found?.Rules === undefined ? undefined : found
  },
  ours: (held) => itemsOf(held?.Role, findOurs(held)),
  wanted({ choices: { replication: wish }, held }) {
    if (wish === undefined) return itemsOf(held?.Role, findOurs(held))
    if (wish === 'off') return {}
    requireOneRole(wish.role, held)
    return itemsOf(wish.role, replicationRule(wish, findOurs(held)?.Priority ?? freePriority(held)))
  },
  merge(held, { role, 'paniq-replica': rule }) {
    const others = othersIn(held)
    // Of our own making, or read from a rule.
    const Rules = rule === undefined ? others : [...others, rule as ReplicationRule]
    return Rules.length === 0 ? undefined : { Role: typeof role === 'string' ? role : held?.Role, Rules }
  },
  async write({ client, config }, held) {
    await client.send(new PutBucketReplicationCommand({ Bucket: config.bucket, ReplicationConfiguration: held }))
  },
  async clear({ client, config }) {
    await client.send(new DeleteBucketReplicationCommand({ Bucket: config.bucket }))
  },
  isAskedFor: ({ replication }) => replication !== undefined && replication !== 'off',
  remindOf: ({ replication }) =>
    replication === undefined || replication === 'off'
      ? undefined
      : 'Only what comes from now on is copied; S3 Batch Replication copies what is there. Set the other bucket up with this command too, so that what was removed goes there as well',
}

const ourId = 'paniq-replica'

function isOurs({ ID }: ReplicationRule): boolean {
  return ID === ourId
}

function findOurs(held: ReplicationConfiguration | undefined): ReplicationRule | undefined {
  return held?.Rules?.find(isOurs)
}

function othersIn(held: ReplicationConfiguration | undefined): ReplicationRule[] {
  return held?.Rules?.filter((rule) => !isOurs(rule)) ?? []
}

function requireOneRole(role: string, held: ReplicationConfiguration | undefined): void {
  if (othersIn(held).length === 0 || held?.Role === role) return
  throw new Refused(
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

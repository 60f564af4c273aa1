import {
  DeleteBucketEncryptionCommand,
  GetBucketEncryptionCommand,
  PutBucketEncryptionCommand,
  type ServerSideEncryptionRule,
} from '@aws-sdk/client-s3'

import type { PartDefinition } from './bucket-part.ts'
import type { Items } from './compare-items.ts'
import { encryptionRule } from './encryption-rule.ts'
import { proveBucket } from './prove-bucket.ts'
import { unless } from './unless.ts'

/** Undefined in an item: as S3 has it where a rule does not say. */
export const encryptionPart: PartDefinition<ServerSideEncryptionRule> = {
  part: 'encryption',
  title: 'Default encryption',
  async read({ client, config, signal }) {
    const command = new GetBucketEncryptionCommand({ Bucket: config.bucket })
    const none = 'ServerSideEncryptionConfigurationNotFoundError'
    const answer = await unless(none, client.send(command, { abortSignal: signal }))
    return answer?.ServerSideEncryptionConfiguration?.Rules?.[0]
  },
  ours: itemsOf,
  // Whatever encrypts is good, and a key of KMS is not taken away because nobody names it.
  wanted: ({ choices, held }) => {
    const isEncrypted = held?.ApplyServerSideEncryptionByDefault !== undefined
    if (choices.kmsKey === undefined && isEncrypted) return itemsOf(held)
    return itemsOf(encryptionRule(choices.kmsKey))
  },
  merge: (held, items) => ({ ...held, ...ruleOf(items) }),
  async write({ client, config }, rule) {
    const ServerSideEncryptionConfiguration = { Rules: [rule] }
    await client.send(new PutBucketEncryptionCommand({ Bucket: config.bucket, ServerSideEncryptionConfiguration }))
  },
  async clear({ client, config }) {
    await client.send(new DeleteBucketEncryptionCommand({ Bucket: config.bucket }))
  },
  // A store without keys takes the setting and then refuses every upload: one object that asks for it by itself tells.
  async rehearse(reach, items) {
    const { SSEAlgorithm, KMSMasterKeyID } = ruleOf(items).ApplyServerSideEncryptionByDefault ?? {}
    const key = KMSMasterKeyID === undefined ? {} : { SSEKMSKeyId: KMSMasterKeyID }
    await proveBucket(reach, { ServerSideEncryption: SSEAlgorithm, ...key })
  },
  isAskedFor: ({ kmsKey }) => kmsKey !== undefined,
  remindOf: ({ kmsKey }) =>
    kmsKey === undefined
      ? undefined
      : 'The service’s own credentials need kms:GenerateDataKey and kms:Decrypt on this key, or its uploads are refused. What lies there already keeps the encryption that it has',
}

type Algorithm = NonNullable<ServerSideEncryptionRule['ApplyServerSideEncryptionByDefault']>['SSEAlgorithm']

function itemsOf(rule: ServerSideEncryptionRule | undefined): Items {
  if (rule?.ApplyServerSideEncryptionByDefault === undefined) return {}
  const { SSEAlgorithm, KMSMasterKeyID } = rule.ApplyServerSideEncryptionByDefault
  return {
    algorithm: SSEAlgorithm,
    ...(KMSMasterKeyID === undefined ? {} : { kms_key: KMSMasterKeyID, bucket_key: rule.BucketKeyEnabled === true }),
  }
}

function ruleOf({ algorithm, kms_key: key, bucket_key: hasBucketKey }: Items): ServerSideEncryptionRule {
  return {
    ApplyServerSideEncryptionByDefault: {
      SSEAlgorithm: algorithm as Algorithm, // of `itemsOf`, which had it of a rule
      ...(typeof key === 'string' ? { KMSMasterKeyID: key } : {}),
    },
    BucketKeyEnabled: hasBucketKey === true,
  }
}

import {
  type CORSRule,
  DeleteBucketCorsCommand,
  DeleteBucketEncryptionCommand,
  DeletePublicAccessBlockCommand,
  GetBucketCorsCommand,
  GetBucketEncryptionCommand,
  GetBucketVersioningCommand,
  GetPublicAccessBlockCommand,
  type PublicAccessBlockConfiguration,
  PutBucketCorsCommand,
  PutBucketEncryptionCommand,
  PutBucketVersioningCommand,
  PutPublicAccessBlockCommand,
  type ServerSideEncryptionRule,
} from '@aws-sdk/client-s3'

import type { S3Config } from '../../config/config.ts'
import { isAmazon } from '../s3/requests/retrying-s3-client.ts'
import { isSame, type Items, type PartDefinition, probeBucket, undefinedOn } from './bucket-part.ts'
import { publicAccessBlock, corsRule, encryptionRule, type PublicAccessSwitch } from './bucket-rules.ts'

/** A paper that somebody removes or replaces past the service is kept for the days of the lifecycle. */
export const versioningPart: PartDefinition<'Enabled' | 'Suspended'> = {
  part: 'versioning',
  title: 'Versioning',
  async read({ client, config, signal }) {
    const command = new GetBucketVersioningCommand({ Bucket: config.bucket })
    return (await client.send(command, { abortSignal: signal })).Status
  },
  ours: (held) => ({ versioning: held ?? 'off' }),
  wanted: () => ({ versioning: 'Enabled' }),
  merge: () => 'Enabled',
  write: ({ client, config }, Status) =>
    client.send(new PutBucketVersioningCommand({ Bucket: config.bucket, VersioningConfiguration: { Status } })),
  // It can be suspended, and never again be as if it had not been.
  clear: (context) => versioningPart.write(context, 'Suspended'),
  isRequested: () => false,
}

const allButOne = { ...publicAccessBlock, BlockPublicAcls: false }

export const publicAccessPart: PartDefinition<PublicAccessBlockConfiguration> = {
  part: 'public_access',
  title: 'Closed to the public',
  async read({ client, config, signal }) {
    const command = new GetPublicAccessBlockCommand({ Bucket: config.bucket })
    const answer = await undefinedOn(
      'NoSuchPublicAccessBlockConfiguration',
      client.send(command, { abortSignal: signal }),
    )
    return answer?.PublicAccessBlockConfiguration
  },
  ours: (held = {}) => switchesOf(held),
  // Where another store has the weaker form, an earlier run found that it must: to try again would stop uploads for a moment.
  wanted: ({ held = {}, context: { config } }) => (isClosed(held, config) ? switchesOf(held) : publicAccessBlock),
  merge: (_held, items) => items,
  write: ({ client, config }, held) =>
    client.send(
      new PutPublicAccessBlockCommand({ Bucket: config.bucket, PublicAccessBlockConfiguration: switchesOf(held) }),
    ),
  clear: ({ client, config }) => client.send(new DeletePublicAccessBlockCommand({ Bucket: config.bucket })),
  objections: (_held, wanted) => (isSame(wanted, allButOne) ? [{ isSerious: false, message: whyWeaker }] : []),
  weaker: () => ({ wanted: allButOne, message: whyWeaker }),
  isRequested: () => false,
}

const whyWeaker =
  'BlockPublicAcls is off: with it this store refuses every upload. IgnorePublicAcls is on, so that no ACL opens anything'

export function isClosed(held: PublicAccessBlockConfiguration, config: S3Config): boolean {
  const switches = switchesOf(held)
  return isSame(switches, publicAccessBlock) || (!isAmazon(config) && isSame(switches, allButOne))
}

function switchesOf(held: Items | PublicAccessBlockConfiguration): Record<PublicAccessSwitch, boolean> {
  return {
    BlockPublicAcls: held.BlockPublicAcls === true,
    IgnorePublicAcls: held.IgnorePublicAcls === true,
    BlockPublicPolicy: held.BlockPublicPolicy === true,
    RestrictPublicBuckets: held.RestrictPublicBuckets === true,
  }
}

/** Undefined in an item: as S3 has it where a rule does not say. */
export const encryptionPart: PartDefinition<ServerSideEncryptionRule> = {
  part: 'encryption',
  title: 'Default encryption',
  async read({ client, config, signal }) {
    const command = new GetBucketEncryptionCommand({ Bucket: config.bucket })
    const none = 'ServerSideEncryptionConfigurationNotFoundError'
    const answer = await undefinedOn(none, client.send(command, { abortSignal: signal }))
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
  clear: ({ client, config }) => client.send(new DeleteBucketEncryptionCommand({ Bucket: config.bucket })),
  // A store without keys takes the setting and then refuses every upload: one object that asks for it by itself tells.
  async dryRun(context, items) {
    const { SSEAlgorithm, KMSMasterKeyID } = ruleOf(items).ApplyServerSideEncryptionByDefault ?? {}
    const key = KMSMasterKeyID === undefined ? {} : { SSEKMSKeyId: KMSMasterKeyID }
    await probeBucket(context, { ServerSideEncryption: SSEAlgorithm, ...key })
  },
  isRequested: ({ kmsKey }) => kmsKey !== undefined,
  reminder: ({ kmsKey }) =>
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

export const corsPart: PartDefinition<CORSRule[]> = {
  part: 'cors',
  title: 'CORS',
  async read({ client, config, signal }) {
    const command = new GetBucketCorsCommand({ Bucket: config.bucket })
    const answer = await undefinedOn('NoSuchCORSConfiguration', client.send(command, { abortSignal: signal }))
    return answer?.CORSRules
  },
  ours: (held = []) => corsItemsOf(held.filter(isOurCorsRule)),
  wanted: ({ choices: { origins } }) => (origins.length === 0 ? {} : corsItemsOf([corsRule(origins)])),
  merge(held = [], items) {
    // Of our own making, or read from a rule.
    const rules = [...held.filter((rule) => !isOurCorsRule(rule)), ...(Object.values(items) as CORSRule[])]
    return rules.length === 0 ? undefined : rules
  },
  write: ({ client, config }, rules) =>
    client.send(new PutBucketCorsCommand({ Bucket: config.bucket, CORSConfiguration: { CORSRules: rules } })),
  clear: ({ client, config }) => client.send(new DeleteBucketCorsCommand({ Bucket: config.bucket })),
  objections: (held = []) =>
    held.some((rule) => !isOurCorsRule(rule) && rule.AllowedOrigins?.includes('*'))
      ? [{ isSerious: false, message: 'A rule that is not this command’s lets pages of every origin read' }]
      : [],
  isRequested: ({ origins }) => origins.length > 0,
}

const { ID: ourId, AllowedOrigins: _origins, ...ourWay } = corsRule([])

/** By its name, or where a store keeps none by all but its origins. */
function isOurCorsRule({ ID, AllowedOrigins: _theirs, ...way }: CORSRule): boolean {
  return ID === ourId || (ID === undefined && isSame(inOneForm(way), inOneForm(ourWay)))
}

function corsItemsOf(rules: CORSRule[]): Items {
  return Object.fromEntries(
    rules.map((rule, index) => [index === 0 ? ourId : `${ourId}-${index + 1}`, { ...inOneForm(rule), ID: ourId }]),
  )
}

function inOneForm<Rule extends Partial<CORSRule>>(rule: Rule): Rule {
  const lists = Object.entries(rule).map(([name, value]) => [name, Array.isArray(value) ? value.toSorted() : value])
  return Object.fromEntries(lists) as Rule // the same names with the same values
}

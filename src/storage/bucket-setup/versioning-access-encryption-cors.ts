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

/** Keeps objects that somebody deletes or replaces outside of the service, for the days of the lifecycle. */
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
  // Versioning can only be suspended, not removed.
  clear: (context) => versioningPart.write(context, 'Suspended'),
  isRequested: () => false,
}

const withoutBlockPublicAcls = { ...publicAccessBlock, BlockPublicAcls: false }

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
  // An earlier run set the weaker form because the store needs it. Another try would interrupt uploads.
  wanted: ({ held = {}, context: { config } }) => (isClosed(held, config) ? switchesOf(held) : publicAccessBlock),
  merge: (_held, items) => items,
  write: ({ client, config }, held) =>
    client.send(
      new PutPublicAccessBlockCommand({ Bucket: config.bucket, PublicAccessBlockConfiguration: switchesOf(held) }),
    ),
  clear: ({ client, config }) => client.send(new DeletePublicAccessBlockCommand({ Bucket: config.bucket })),
  objections: (_held, wanted) =>
    isSame(wanted, withoutBlockPublicAcls) ? [{ isSerious: false, message: whyWeaker }] : [],
  weaker: () => ({ wanted: withoutBlockPublicAcls, message: whyWeaker }),
  isRequested: () => false,
}

const whyWeaker =
  'BlockPublicAcls is off, because with it this store rejects every upload. IgnorePublicAcls is on, so no ACL grants public access'

export function isClosed(held: PublicAccessBlockConfiguration, config: S3Config): boolean {
  const switches = switchesOf(held)
  return isSame(switches, publicAccessBlock) || (!isAmazon(config) && isSame(switches, withoutBlockPublicAcls))
}

function switchesOf(held: Items | PublicAccessBlockConfiguration): Record<PublicAccessSwitch, boolean> {
  return {
    BlockPublicAcls: held.BlockPublicAcls === true,
    IgnorePublicAcls: held.IgnorePublicAcls === true,
    BlockPublicPolicy: held.BlockPublicPolicy === true,
    RestrictPublicBuckets: held.RestrictPublicBuckets === true,
  }
}

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
  // Any encryption is accepted. A KMS key is not removed because the option is missing.
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
  // A store without KMS accepts the setting and then rejects every upload. One encrypted object detects that.
  async dryRun(context, items) {
    const { SSEAlgorithm, KMSMasterKeyID } = ruleOf(items).ApplyServerSideEncryptionByDefault ?? {}
    const key = KMSMasterKeyID === undefined ? {} : { SSEKMSKeyId: KMSMasterKeyID }
    await probeBucket(context, { ServerSideEncryption: SSEAlgorithm, ...key })
  },
  isRequested: ({ kmsKey }) => kmsKey !== undefined,
  reminder: ({ kmsKey }) =>
    kmsKey === undefined
      ? undefined
      : 'The service’s own credentials need kms:GenerateDataKey and kms:Decrypt on this key, or its uploads fail. Existing objects keep their encryption',
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
      SSEAlgorithm: algorithm as Algorithm, // `itemsOf` read it from a rule
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
    // The items are our own rules, or rules that were read.
    const rules = [...held.filter((rule) => !isOurCorsRule(rule)), ...(Object.values(items) as CORSRule[])]
    return rules.length === 0 ? undefined : rules
  },
  write: ({ client, config }, rules) =>
    client.send(new PutBucketCorsCommand({ Bucket: config.bucket, CORSConfiguration: { CORSRules: rules } })),
  clear: ({ client, config }) => client.send(new DeleteBucketCorsCommand({ Bucket: config.bucket })),
  objections: (held = []) =>
    held.some((rule) => !isOurCorsRule(rule) && rule.AllowedOrigins?.includes('*'))
      ? [{ isSerious: false, message: 'A rule that this command does not own lets pages of every origin read' }]
      : [],
  isRequested: ({ origins }) => origins.length > 0,
}

const { ID: ourId, AllowedOrigins: _origins, ...ourFields } = corsRule([])

/** Compares the id, or all fields but the origins for a store without ids. */
function isOurCorsRule({ ID, AllowedOrigins: _theirs, ...fields }: CORSRule): boolean {
  return ID === ourId || (ID === undefined && isSame(normalize(fields), normalize(ourFields)))
}

function corsItemsOf(rules: CORSRule[]): Items {
  return Object.fromEntries(
    rules.map((rule, index) => [index === 0 ? ourId : `${ourId}-${index + 1}`, { ...normalize(rule), ID: ourId }]),
  )
}

function normalize<Rule extends Partial<CORSRule>>(rule: Rule): Rule {
  const lists = Object.entries(rule).map(([name, value]) => [name, Array.isArray(value) ? value.toSorted() : value])
  return Object.fromEntries(lists) as Rule // the same names with the same values
}

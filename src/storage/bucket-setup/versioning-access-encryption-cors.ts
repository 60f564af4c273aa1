import { isDeepStrictEqual } from 'node:util'

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

import type { S3Config } from '../../config/load-config.ts'
import { isAmazon } from '../s3/requests/retrying-s3-client.ts'
import { type Items, type PartDefinition, probeBucket } from './bucket-part.ts'
import { corsRule, encryptionRule, publicAccessBlock, type PublicAccessSwitch } from './bucket-rules.ts'

/** Keeps objects that somebody deletes or replaces outside of the service, for the days of the lifecycle. */
export const versioningPart: PartDefinition<'Enabled' | 'Suspended'> = {
  part: 'versioning',
  get: async ({ client, at, reading }) => (await client.send(new GetBucketVersioningCommand(at), reading)).Status,
  put: ({ client, at }, Status) =>
    client.send(new PutBucketVersioningCommand({ ...at, VersioningConfiguration: { Status } })),
  // Versioning can only be suspended, not removed.
  delete: (context) => versioningPart.put(context, 'Suspended'),
  ours: (status) => ({ versioning: status ?? 'off' }),
  wanted: () => ({ versioning: 'Enabled' }),
  merge: () => 'Enabled',
}

const withoutBlockPublicAcls = { ...publicAccessBlock, BlockPublicAcls: false }

export const publicAccessPart: PartDefinition<PublicAccessBlockConfiguration> = {
  part: 'public_access',
  absentCode: 'NoSuchPublicAccessBlockConfiguration',
  get: async ({ client, at, reading }) =>
    (await client.send(new GetPublicAccessBlockCommand(at), reading)).PublicAccessBlockConfiguration,
  put: ({ client, at }, block) =>
    client.send(new PutPublicAccessBlockCommand({ ...at, PublicAccessBlockConfiguration: switchesOf(block) })),
  delete: ({ client, at }) => client.send(new DeletePublicAccessBlockCommand(at)),
  ours: (block = {}) => switchesOf(block),
  // An earlier run set the weaker form because the store needs it. Another try would interrupt uploads.
  wanted: ({ setting: block = {}, context: { config } }) =>
    isClosed(block, config) ? switchesOf(block) : publicAccessBlock,
  merge: (_block, items) => items,
  objections: (_block, wanted) =>
    isDeepStrictEqual(wanted, withoutBlockPublicAcls) ? [{ isSerious: false, kind: 'weaker_public_access' }] : [],
  weaker: withoutBlockPublicAcls,
}

export function isClosed(block: PublicAccessBlockConfiguration, config: S3Config): boolean {
  const forms = isAmazon(config) ? [publicAccessBlock] : [publicAccessBlock, withoutBlockPublicAcls]
  return forms.some((form) => isDeepStrictEqual(switchesOf(block), form))
}

function switchesOf(block: Items | PublicAccessBlockConfiguration): Record<PublicAccessSwitch, boolean> {
  return {
    BlockPublicAcls: block.BlockPublicAcls === true,
    IgnorePublicAcls: block.IgnorePublicAcls === true,
    BlockPublicPolicy: block.BlockPublicPolicy === true,
    RestrictPublicBuckets: block.RestrictPublicBuckets === true,
  }
}

export const encryptionPart: PartDefinition<ServerSideEncryptionRule> = {
  part: 'encryption',
  absentCode: 'ServerSideEncryptionConfigurationNotFoundError',
  get: async ({ client, at, reading }) =>
    (await client.send(new GetBucketEncryptionCommand(at), reading)).ServerSideEncryptionConfiguration?.Rules?.[0],
  put: ({ client, at }, rule) =>
    client.send(new PutBucketEncryptionCommand({ ...at, ServerSideEncryptionConfiguration: { Rules: [rule] } })),
  delete: ({ client, at }) => client.send(new DeleteBucketEncryptionCommand(at)),
  ours: itemsOf,
  // Any encryption is accepted. A KMS key is not removed because the option is missing.
  wanted: ({ choices: { kmsKey }, setting: rule }) => {
    const isEncrypted = rule?.ApplyServerSideEncryptionByDefault !== undefined
    return itemsOf(kmsKey === undefined && isEncrypted ? rule : encryptionRule(kmsKey))
  },
  merge: (rule, items) => ({ ...rule, ...ruleOf(items) }),
  // A store without KMS accepts the setting and then rejects every upload. One encrypted object detects that.
  async dryRun(context, items) {
    const { SSEAlgorithm, KMSMasterKeyID } = ruleOf(items).ApplyServerSideEncryptionByDefault ?? {}
    const key = KMSMasterKeyID === undefined ? {} : { SSEKMSKeyId: KMSMasterKeyID }
    await probeBucket(context, { ServerSideEncryption: SSEAlgorithm, ...key })
  },
  isRequested: ({ kmsKey }) => kmsKey !== undefined,
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
  absentCode: 'NoSuchCORSConfiguration',
  get: async ({ client, at, reading }) => (await client.send(new GetBucketCorsCommand(at), reading)).CORSRules,
  put: ({ client, at }, CORSRules) =>
    client.send(new PutBucketCorsCommand({ ...at, CORSConfiguration: { CORSRules } })),
  delete: ({ client, at }) => client.send(new DeleteBucketCorsCommand(at)),
  ours: (rules = []) => corsItemsOf(rules.filter(isOurCorsRule)),
  wanted: ({ choices: { origins } }) => (origins.length === 0 ? {} : corsItemsOf([corsRule(origins)])),
  merge(rules = [], items) {
    // The items are our own rules, or rules that were read.
    const merged = [...rules.filter((rule) => !isOurCorsRule(rule)), ...(Object.values(items) as CORSRule[])]
    return merged.length === 0 ? undefined : merged
  },
  objections: (rules = []) =>
    rules.some((rule) => !isOurCorsRule(rule) && rule.AllowedOrigins?.includes('*'))
      ? [{ isSerious: false, kind: 'any_origin' }]
      : [],
  isRequested: ({ origins }) => origins.length > 0,
}

const { ID: ourId, AllowedOrigins: _origins, ...ourFields } = corsRule([])

/** Compares the id, or all fields but the origins for a store without ids. */
function isOurCorsRule({ ID, AllowedOrigins: _theirs, ...fields }: CORSRule): boolean {
  return (
    ID === ourId || (ID === undefined && isDeepStrictEqual(normalize(fields), normalize<Partial<CORSRule>>(ourFields)))
  )
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

import { type CORSRule, GetBucketCorsCommand } from '@aws-sdk/client-s3'

import { type BucketContext, getSetting, openContext, type PartDefinition } from '../bucket-setup/bucket-part.ts'
import { documentsPrefix } from '../bucket-setup/lifecycle-rules.ts'
import { lifecyclePart } from '../bucket-setup/lifecycle-part.ts'
import { isConditionOf, policyPart } from '../bucket-setup/policy-part.ts'
import {
  encryptionPart,
  isClosed,
  publicAccessPart,
  versioningPart,
} from '../bucket-setup/versioning-access-encryption-cors.ts'
import { isUnknownCall, s3FailureOf } from '../s3/requests/s3-errors.ts'
import type { ConnectionStep, ConnectionTest, Safeguard } from './connection-step.ts'

type Check = [safeguard: Safeguard, isPresent: (context: BucketContext) => Promise<boolean>]

function createCheck<Setting>(
  safeguard: Safeguard,
  part: PartDefinition<Setting>,
  isPresent: (setting: Setting | undefined, context: BucketContext) => boolean,
): Check {
  return [safeguard, async (context) => isPresent(await getSetting(part, context), context)]
}

const checks: Check[] = [
  createCheck('versioning', versioningPart, (status) => status === 'Enabled'),
  createCheck('public_access', publicAccessPart, (block, { config }) => block !== undefined && isClosed(block, config)),
  createCheck('encryption', encryptionPart, (rule) => rule?.ApplyServerSideEncryptionByDefault !== undefined),
  createCheck(
    'tls_only',
    policyPart,
    (policy) => policy?.Statement.some(isConditionOf('aws:SecureTransport')) === true,
  ),
  createCheck(
    'no_old_signatures',
    policyPart,
    (policy) => policy?.Statement.some(isConditionOf('s3:signatureAge')) === true,
  ),
  createCheck(
    'unfinished_uploads',
    lifecyclePart,
    (lifecycle) =>
      lifecycle?.rules.some(
        ({ Status, Filter, AbortIncompleteMultipartUpload: abort }) =>
          Status === 'Enabled' && abort !== undefined && documentsPrefix.startsWith(Filter?.Prefix ?? 'no prefix'),
      ) === true,
  ),
]

/** Checks whether the bucket is as `s3 setup` leaves it. Never fails: the service works without, and its credentials may not read these settings. */
export const checkSafeguards: ConnectionStep = {
  step: 'safeguards',
  after: ['bucket'],
  right: '',
  async run({ client, config, seen }) {
    const context = openContext({ client, config, seen, signal: new AbortController().signal })
    const found = { present: [] as Safeguard[], missing: [] as Safeguard[], unreadable: [] as Safeguard[] }
    for (const [safeguard, isPresent] of checks) {
      try {
        found[(await isPresent(context)) ? 'present' : 'missing'].push(safeguard)
      } catch (error) {
        found[isUnknownCall(error) ? 'missing' : 'unreadable'].push(safeguard)
      }
    }
    const isUnread = found.unreadable.length === checks.length
    const isGood = found.missing.length + found.unreadable.length === 0
    return { outcome: isUnread ? 'skipped' : isGood ? 'ok' : 'note', kind: 'safeguards', ...found }
  },
}

/** Checks whether pages of `CORS_ORIGINS` may read from links. The service itself needs no CORS rule. */
export const checkCors: ConnectionStep = {
  step: 'cors',
  after: ['bucket'],
  right: 's3:GetBucketCORS',
  async run(test) {
    if (test.corsOrigins.length === 0) return { outcome: 'skipped', kind: 'cors_not_needed' }
    const rules = await readRules(test)
    if (rules === undefined) return { outcome: 'note', kind: 'cors_unreadable' }
    const origins = test.corsOrigins.filter((origin) => !rules.some((rule) => allows(rule, origin)))
    if (origins.length > 0) return { outcome: 'failed', kind: 'cors_denied', origins }
    return { outcome: 'ok', kind: 'cors_allowed' }
  },
}

/** Undefined when the credentials may not read the rules, or the store does not support CORS. */
async function readRules({ client, config }: ConnectionTest): Promise<CORSRule[] | undefined> {
  try {
    return (await client.send(new GetBucketCorsCommand({ Bucket: config.bucket }))).CORSRules ?? []
  } catch (error) {
    const { s3Code } = s3FailureOf(error)
    if (s3Code === 'NoSuchCORSConfiguration') return []
    if (['AccessDenied', 'NotImplemented', 'MethodNotAllowed'].includes(s3Code)) return undefined
    throw error
  }
}

function allows({ AllowedOrigins: origins = [], AllowedMethods: methods = [] }: CORSRule, origin: string): boolean {
  return methods.includes('GET') && origins.some((pattern) => matches(pattern, origin))
}

/** A pattern has at most one `*`, which matches any text. */
function matches(pattern: string, origin: string): boolean {
  const [start = '', end] = pattern.split('*')
  if (end === undefined) return pattern === origin
  return origin.length >= start.length + end.length && origin.startsWith(start) && origin.endsWith(end)
}

import { type CORSRule, GetBucketCorsCommand } from '@aws-sdk/client-s3'

import type { BucketContext } from '../bucket-setup/bucket-part.ts'
import { corsRule, documentsPrefix } from '../bucket-setup/bucket-rules.ts'
import {
  encryptionPart,
  isClosed,
  publicAccessPart,
  versioningPart,
} from '../bucket-setup/versioning-access-encryption-cors.ts'
import { lifecyclePart } from '../bucket-setup/lifecycle-part.ts'
import { isConditionOf, policyPart } from '../bucket-setup/policy-part.ts'
import { isAmazon } from '../s3/requests/retrying-s3-client.ts'
import { isUnknownCall, s3FailureOf } from '../s3/requests/s3-errors.ts'
import type { ConnectionStep, ConnectionTest, Finding } from '../s3/diagnosis/connection-step.ts'

/** Checks whether the bucket is as `s3 setup` leaves it. Never fails: the service works without, and its credentials may not read these settings. */
export const checkSafeguards: ConnectionStep = {
  step: 'safeguards',
  title: 'Safeguards of the bucket',
  after: ['bucket'],
  right: '',
  async run({ client, config, seen }) {
    const context = { client, config, seen, signal: new AbortController().signal }
    const checks: Check[] = []
    for (const check of safeguards) checks.push(await check(context))
    return findingOf(checks, isAmazon(config))
  },
}

type Check = { kind: 'present' | 'missing' | 'unreadable'; name: string; lack: string }

const safeguards = [
  createCheck(versioningPart, {
    name: 'versioned',
    lack: 'it is not versioned',
    isPresent: (held) => held === 'Enabled',
  }),
  createCheck(publicAccessPart, {
    name: 'closed to the public',
    lack: 'it is not closed to the public',
    isPresent: (held, { config }) => held !== undefined && isClosed(held, config),
  }),
  createCheck(encryptionPart, {
    name: 'encrypted by default',
    lack: 'it has no default encryption',
    isPresent: (held) => held?.ApplyServerSideEncryptionByDefault !== undefined,
  }),
  createCheck(policyPart, {
    name: 'reachable by TLS only',
    lack: 'its policy allows requests without TLS',
    isPresent: (held) => held?.Statement.some(isConditionOf('aws:SecureTransport')) === true,
  }),
  createCheck(policyPart, {
    name: 'closed to old signatures',
    lack: 'its policy allows signatures of any age',
    isPresent: (held) => held?.Statement.some(isConditionOf('s3:signatureAge')) === true,
  }),
  createCheck(lifecyclePart, {
    name: 'cleaned of unfinished uploads',
    lack: 'no rule deletes unfinished uploads',
    isPresent: (held) =>
      held?.rules.some(
        ({ Status, Filter, AbortIncompleteMultipartUpload: abort }) =>
          Status === 'Enabled' && abort !== undefined && documentsPrefix.startsWith(Filter?.Prefix ?? 'no prefix'),
      ) === true,
  }),
]

type Part<Held> = { read: (context: BucketContext) => Promise<Held | undefined> }
type Safeguard<Held> = {
  name: string
  lack: string
  isPresent: (held: Held | undefined, context: BucketContext) => boolean
}

function createCheck<Held>(part: Part<Held>, { name, lack, isPresent }: Safeguard<Held>) {
  return async (context: BucketContext): Promise<Check> => {
    try {
      return { kind: isPresent(await part.read(context), context) ? 'present' : 'missing', name, lack }
    } catch (error) {
      return { kind: isUnknownCall(error) ? 'missing' : 'unreadable', name, lack }
    }
  }
}

const seeSetup = 'Run ./bin/paniq-docs s3 setup --dry-run with an operator’s credentials to see what it would set.'

/** `hasAll`: the store supports every safeguard. */
function findingOf(checks: Check[], hasAll: boolean): Finding {
  const of = (kind: Check['kind']) => checks.filter((each) => each.kind === kind)
  const unreadable = of('unreadable').map(({ name }) => name)
  if (unreadable.length === checks.length)
    return {
      outcome: 'skipped',
      message: 'Safeguards of the bucket: not readable with these credentials',
      advice:
        'The service does not need to read them. To check them, run ./bin/paniq-docs s3 setup --dry-run with an operator’s credentials.',
    }
  const rest = unreadable.length === 0 ? '' : `; not readable: whether it is ${unreadable.join(', ')}`
  const missing = of('missing').map(({ lack }) => lack)
  if (missing.length > 0)
    return {
      outcome: 'note',
      message: `Safeguards of the bucket: ${missing.join('; ')}${rest}`,
      advice: hasAll ? seeSetup : `${seeSetup} Settings that this store does not support may stay as they are.`,
    }
  const present = of('present').map(({ name }) => name)
  return { outcome: unreadable.length === 0 ? 'ok' : 'note', message: `The bucket is ${present.join(', ')}${rest}` }
}

/** Checks whether pages of `CORS_ORIGINS` may read from links. The service itself needs no CORS rule. */
export const checkCors: ConnectionStep = {
  step: 'cors',
  title: 'CORS',
  after: ['bucket'],
  right: 's3:GetBucketCORS',
  async run(test) {
    const { config, corsOrigins } = test
    if (corsOrigins.length === 0)
      return { outcome: 'skipped', message: 'CORS: not needed, because CORS_ORIGINS names no other origin' }

    const rules = await readRules(test)
    const advice = `Run ./bin/paniq-docs s3 setup with an operator’s credentials, or: aws s3api put-bucket-cors --bucket ${config.bucket} --cors-configuration '${ruleFor(corsOrigins)}'`
    if (rules === undefined)
      return {
        outcome: 'note',
        message: 'CORS: the rules of the bucket are not readable with these credentials',
        advice,
      }
    const denied = corsOrigins.filter((origin) => !rules.some((rule) => allows(rule, origin)))
    if (denied.length > 0)
      return { outcome: 'failed', message: `CORS: pages of ${denied.join(', ')} may not read from the bucket`, advice }
    return { outcome: 'ok', message: `CORS: pages of ${corsOrigins.join(', ')} may read from the bucket` }
  },
}

/** Undefined when the credentials may not read the rules, or the store does not support CORS. */
async function readRules({ client, config }: ConnectionTest): Promise<CORSRule[] | undefined> {
  try {
    const answer = await client.send(new GetBucketCorsCommand({ Bucket: config.bucket }))
    return answer.CORSRules ?? []
  } catch (error) {
    const { s3Code } = s3FailureOf(error)
    if (s3Code === 'NoSuchCORSConfiguration') return []
    if (['AccessDenied', 'NotImplemented', 'MethodNotAllowed'].includes(s3Code)) return undefined
    throw error
  }
}

function ruleFor(origins: string[]): string {
  return JSON.stringify({ CORSRules: [corsRule(origins)] })
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

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

/** Whether the bucket is as `s3 setup` leaves it. The service works without, and its own credentials may not look: it fails nothing. */
export const checkSafeguards: ConnectionStep = {
  step: 'safeguards',
  title: 'Safeguards of the bucket',
  after: ['bucket'],
  right: '',
  async run({ client, config, seen }) {
    const context = { client, config, seen, signal: new AbortController().signal }
    const looks: Look[] = []
    for (const look of safeguards) looks.push(await look(context))
    return findingOf(looks, isAmazon(config))
  },
}

type Look = { kind: 'there' | 'missing' | 'unseen'; name: string; lack: string }

const safeguards = [
  looking(versioningPart, {
    name: 'versioned',
    lack: 'it keeps no versions',
    isThere: (held) => held === 'Enabled',
  }),
  looking(publicAccessPart, {
    name: 'closed to the public',
    lack: 'it is not closed to the public',
    isThere: (held, { config }) => held !== undefined && isClosed(held, config),
  }),
  looking(encryptionPart, {
    name: 'encrypted by default',
    lack: 'it encrypts nothing by default',
    isThere: (held) => held?.ApplyServerSideEncryptionByDefault !== undefined,
  }),
  looking(policyPart, {
    name: 'reached by TLS alone',
    lack: 'its policy lets in who comes without TLS',
    isThere: (held) => held?.Statement.some(isConditionOf('aws:SecureTransport')) === true,
  }),
  looking(policyPart, {
    name: 'closed to old signatures',
    lack: 'its policy takes signatures of any age',
    isThere: (held) => held?.Statement.some(isConditionOf('s3:signatureAge')) === true,
  }),
  looking(lifecyclePart, {
    name: 'rid of unfinished uploads',
    lack: 'no rule ends unfinished uploads',
    isThere: (held) =>
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
  isThere: (held: Held | undefined, context: BucketContext) => boolean
}

function looking<Held>(part: Part<Held>, { name, lack, isThere }: Safeguard<Held>) {
  return async (context: BucketContext): Promise<Look> => {
    try {
      return { kind: isThere(await part.read(context), context) ? 'there' : 'missing', name, lack }
    } catch (error) {
      return { kind: isUnknownCall(error) ? 'missing' : 'unseen', name, lack }
    }
  }
}

const seeSetup = './bin/paniq-docs s3 setup --dry-run shows what it would set, with credentials of an operator.'

/** `hasAll`: the store is known to have every safeguard. */
function findingOf(looks: Look[], hasAll: boolean): Finding {
  const of = (kind: Look['kind']) => looks.filter((each) => each.kind === kind)
  const unseen = of('unseen').map(({ name }) => name)
  if (unseen.length === looks.length)
    return {
      outcome: 'skipped',
      message: 'Safeguards of the bucket: could not be looked at with these credentials',
      advice: 'The service’s own need not: with an operator’s, ./bin/paniq-docs s3 setup --dry-run tells.',
    }
  const rest = unseen.length === 0 ? '' : `; whether it is ${unseen.join(', ')} could not be looked at`
  const missing = of('missing').map(({ lack }) => lack)
  if (missing.length > 0)
    return {
      outcome: 'note',
      message: `Safeguards of the bucket: ${missing.join('; ')}${rest}`,
      advice: hasAll ? seeSetup : `${seeSetup} What s3 setup finds that this store has not may stay as it is.`,
    }
  const there = of('there').map(({ name }) => name)
  return { outcome: unseen.length === 0 ? 'ok' : 'note', message: `The bucket is ${there.join(', ')}${rest}` }
}

/** Whether pages of `CORS_ORIGINS` may read what the links lead to. The service itself needs no such rule. */
export const checkCors: ConnectionStep = {
  step: 'cors',
  title: 'CORS',
  after: ['bucket'],
  right: 's3:GetBucketCORS',
  async run(test) {
    const { config, corsOrigins } = test
    if (corsOrigins.length === 0)
      return { outcome: 'skipped', message: 'CORS: nothing needed, since CORS_ORIGINS names no page of another origin' }

    const rules = await readRules(test)
    const advice = `./bin/paniq-docs s3 setup sets the rule, with credentials of an operator; or: aws s3api put-bucket-cors --bucket ${config.bucket} --cors-configuration '${ruleFor(corsOrigins)}'`
    if (rules === undefined)
      return { outcome: 'note', message: 'CORS: the bucket’s rule is not readable with these credentials', advice }
    const refused = corsOrigins.filter((origin) => !rules.some((rule) => allows(rule, origin)))
    if (refused.length > 0)
      return { outcome: 'failed', message: `CORS: pages of ${refused.join(', ')} may not read from the bucket`, advice }
    return { outcome: 'ok', message: `CORS: pages of ${corsOrigins.join(', ')} may read from the bucket` }
  },
}

/** Undefined when the rules may not be read, or the store knows none. */
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
  return methods.includes('GET') && origins.some((pattern) => fits(pattern, origin))
}

/** A pattern holds one `*` at most, which stands for anything. */
function fits(pattern: string, origin: string): boolean {
  const [start = '', end] = pattern.split('*')
  if (end === undefined) return pattern === origin
  return origin.length >= start.length + end.length && origin.startsWith(start) && origin.endsWith(end)
}

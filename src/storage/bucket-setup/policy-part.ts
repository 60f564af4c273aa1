import { DeleteBucketPolicyCommand, GetBucketPolicyCommand, PutBucketPolicyCommand } from '@aws-sdk/client-s3'

import { testKey } from '../s3/diagnosis/connection-step.ts'
import { isAmazon } from '../s3/requests/retrying-s3-client.ts'
import {
  type BucketContext,
  type Items,
  RollbackFailed,
  type Objection,
  type PartDefinition,
  probeBucket,
  putPart,
  undefinedOn,
} from './bucket-part.ts'
import { bucketArnOf, policyStatements } from './bucket-rules.ts'

/** A policy that anybody may have written. Its statements have any fields. */
type Policy = { Version?: string; Id?: string; Statement: Items[] }

const ourSids = new Set(policyStatements('').map(({ Sid }) => Sid))

export const policyPart: PartDefinition<Policy> = {
  part: 'policy',
  title: 'Policy: TLS only, no signature older than an hour',
  async read({ client, config, signal }) {
    const command = new GetBucketPolicyCommand({ Bucket: config.bucket })
    const answer = await undefinedOn('NoSuchBucketPolicy', client.send(command, { abortSignal: signal }))
    return answer?.Policy === undefined ? undefined : policyOf(answer.Policy)
  },
  ours: (held) => bySid((held?.Statement ?? []).filter(isOurs)),
  wanted: ({ context: { config } }) => bySid(policyStatements(bucketArnOf(config.bucket, config.region))),
  merge: (held, items) => ({
    Version: '2012-10-17',
    ...held,
    Statement: [...(held?.Statement ?? []).filter((each) => !isOurs(each)), ...Object.values(items).map(statementOf)],
  }),
  write: ({ client, config }, policy) =>
    client.send(new PutBucketPolicyCommand({ Bucket: config.bucket, Policy: JSON.stringify(policy) })),
  clear: ({ client, config }) => client.send(new DeleteBucketPolicyCommand({ Bucket: config.bucket })),
  dryRun: tryOnTestObject,
  objections: (held) => (held?.Statement ?? []).filter((each) => !isOurs(each)).flatMap(objectionTo),
  isRequested: () => false,
}

/**
 * Skipped on Amazon S3. Another store may deny everything because of an unknown condition, or because it is reached without
 * TLS, and then deny the rollback too. So the policy is first tried on the test object only.
 */
async function tryOnTestObject(context: BucketContext, wanted: Items, held: Policy | undefined): Promise<void> {
  if (isAmazon(context.config)) return
  const Resource = [`${bucketArnOf(context.config.bucket, context.config.region)}/${testKey}`]
  const narrow = Object.fromEntries(
    Object.entries(wanted).map(([sid, statement]) => [sid, { ...statementOf(statement), Resource }]),
  )
  const narrowPolicy = policyPart.merge(held, narrow)
  if (narrowPolicy === undefined) return
  await putPart(policyPart, context, narrowPolicy)
  try {
    await probeBucket(context)
  } finally {
    await putPart(policyPart, context, held, RollbackFailed)
  }
}

function policyOf(text: string): Policy {
  // S3 validated the policy when it was set.
  const policy = JSON.parse(text) as Omit<Policy, 'Statement'> & { Statement: Items | Items[] }
  return { ...policy, Statement: [policy.Statement].flat() }
}

function isOurs({ Sid }: Items): boolean {
  return typeof Sid === 'string' && ourSids.has(Sid)
}

function bySid(statements: Items[]): Items {
  return Object.fromEntries(statements.map((each) => [String(each['Sid']), normalize(each)]))
}

/** Stores write one value as a text or a list, and everybody in two ways. */
function normalize({ Action, Resource, Principal, ...rest }: Items): Items {
  return {
    ...rest,
    Principal: isEverybody(Principal) ? { AWS: '*' } : Principal,
    Action: sorted(Action),
    Resource: sorted(Resource),
  }
}

function sorted(words: unknown): string[] {
  return [words].flat().map(String).toSorted()
}

/** Whether a statement denies requests by this condition key. */
export function isConditionOf(key: string): (statement: Items) => boolean {
  return ({ Effect, Condition }) =>
    Effect === 'Deny' && Object.values(statementOf(Condition)).some((each) => key in statementOf(each))
}

function statementOf(item: unknown): Items {
  return typeof item === 'object' && item !== null ? { ...item } : {}
}

function objectionTo({ Sid, Effect, Principal, Condition }: Items): Objection[] {
  if (Effect !== 'Allow' || !isEverybody(Principal) || Condition !== undefined) return []
  const name = typeof Sid === 'string' ? `The statement ${Sid}` : 'A statement without a Sid'
  return [
    {
      isSerious: true,
      message: `${name}, which this command does not own, allows everybody. Remove it from the policy, which the store may reject until then`,
    },
  ]
}

function isEverybody(principal: unknown): boolean {
  if (principal === '*') return true
  if (typeof principal !== 'object' || principal === null || !('AWS' in principal)) return false
  return [principal.AWS].flat().includes('*')
}

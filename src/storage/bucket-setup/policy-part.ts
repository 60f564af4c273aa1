import { DeleteBucketPolicyCommand, GetBucketPolicyCommand, PutBucketPolicyCommand } from '@aws-sdk/client-s3'

import { isAmazon } from '../s3/requests/retrying-s3-client.ts'
import { testKey } from '../storage-key.ts'
import {
  type BucketContext,
  type Items,
  type Objection,
  type PartDefinition,
  probeBucket,
  putSetting,
} from './bucket-part.ts'
import { bucketArnOf, policyStatements } from './policy-statements.ts'

/** A policy that anybody may have written. Its statements have any fields. */
type Policy = { Version?: string; Id?: string; Statement: Items[] }

const ourSids = new Set(policyStatements('').map(({ Sid }) => Sid))

export const policyPart: PartDefinition<Policy> = {
  part: 'policy',
  absentCode: 'NoSuchBucketPolicy',
  async get({ client, at, reading }) {
    const { Policy: text } = await client.send(new GetBucketPolicyCommand(at), reading)
    return text === undefined ? undefined : policyOf(text)
  },
  put: ({ client, at }, policy) => client.send(new PutBucketPolicyCommand({ ...at, Policy: JSON.stringify(policy) })),
  delete: ({ client, at }) => client.send(new DeleteBucketPolicyCommand(at)),
  ours: (policy) => bySid(policy?.Statement.filter(isOurs) ?? []),
  wanted: ({ context: { config } }) => bySid(policyStatements(bucketArnOf(config.bucket, config.region))),
  merge: (policy, items) => ({
    Version: '2012-10-17',
    ...policy,
    Statement: [...foreignStatementsOf(policy), ...Object.values(items).map(statementOf)],
  }),
  dryRun: tryOnTestObject,
  objections: (policy) => foreignStatementsOf(policy).flatMap(objectionTo),
}

function foreignStatementsOf(policy: Policy | undefined): Items[] {
  return policy?.Statement.filter((each) => !isOurs(each)) ?? []
}

/**
 * Skipped on Amazon S3. Another store may deny everything because of an unknown condition, or because it is reached without
 * TLS, and then deny the rollback too. So the policy is first tried on the test object only.
 */
async function tryOnTestObject(context: BucketContext, wanted: Items, policy: Policy | undefined): Promise<void> {
  if (isAmazon(context.config)) return
  const Resource = [`${bucketArnOf(context.config.bucket, context.config.region)}/${testKey}`]
  const narrow = Object.entries(wanted).map(([sid, statement]) => [sid, { ...statementOf(statement), Resource }])
  await putSetting(policyPart, context, policyPart.merge(policy, Object.fromEntries(narrow)))
  try {
    await probeBucket(context)
  } finally {
    await putSetting(policyPart, context, policy, 'rollback')
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

/** Whether everybody may do what a statement allows. */
function objectionTo({ Sid, Effect, Principal, Condition }: Items): Objection[] {
  if (Effect !== 'Allow' || !isEverybody(Principal) || Condition !== undefined) return []
  return [{ isSerious: true, kind: 'open_statement', sid: typeof Sid === 'string' ? Sid : undefined }]
}

function isEverybody(principal: unknown): boolean {
  if (principal === '*') return true
  if (typeof principal !== 'object' || principal === null || !('AWS' in principal)) return false
  return [principal.AWS].flat().includes('*')
}

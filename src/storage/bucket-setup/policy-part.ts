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

/** As somebody wrote it: a statement has any fields, and there may be one alone. */
type Policy = { Version?: string; Id?: string; Statement: Items[] }

const ourSids = new Set(policyStatements('').map(({ Sid }) => Sid))

export const policyPart: PartDefinition<Policy> = {
  part: 'policy',
  title: 'Policy: TLS alone, no signature older than an hour',
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
  dryRun: rehearseOnOneObject,
  objections: (held) => (held?.Statement ?? []).filter((each) => !isOurs(each)).flatMap(objectionTo),
  isRequested: () => false,
}

/**
 * Amazon's own store does as it says. Another may refuse everybody by a condition that it does not know, or because it is
 * reached without TLS, and then also whoever would take the policy back: so it is first put on one object of ours alone.
 */
async function rehearseOnOneObject(context: BucketContext, wanted: Items, held: Policy | undefined): Promise<void> {
  if (isAmazon(context.config)) return
  const Resource = [`${bucketArnOf(context.config.bucket, context.config.region)}/${testKey}`]
  const narrow = Object.fromEntries(
    Object.entries(wanted).map(([sid, statement]) => [sid, { ...statementOf(statement), Resource }]),
  )
  const rehearsed = policyPart.merge(held, narrow)
  if (rehearsed === undefined) return
  await putPart(policyPart, context, rehearsed)
  try {
    await probeBucket(context)
  } finally {
    await putPart(policyPart, context, held, RollbackFailed)
  }
}

function policyOf(text: string): Policy {
  // S3 gives out only what it took for a policy.
  const policy = JSON.parse(text) as Omit<Policy, 'Statement'> & { Statement: Items | Items[] }
  return { ...policy, Statement: [policy.Statement].flat() }
}

function isOurs({ Sid }: Items): boolean {
  return typeof Sid === 'string' && ourSids.has(Sid)
}

function bySid(statements: Items[]): Items {
  return Object.fromEntries(statements.map((each) => [String(each['Sid']), inOneForm(each)]))
}

/** A store may give one word out as a list of one, and everybody in either of two ways. */
function inOneForm({ Action, Resource, Principal, ...rest }: Items): Items {
  return {
    ...rest,
    Principal: isEverybody(Principal) ? { AWS: '*' } : Principal,
    Action: inOrder(Action),
    Resource: inOrder(Resource),
  }
}

function inOrder(words: unknown): string[] {
  return [words].flat().map(String).toSorted()
}

/** Whether a statement refuses by this condition, whoever wrote it. */
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
      message: `${name}, which is not this command’s, allows everybody; take it out of the policy, which may be refused as long as it is there`,
    },
  ]
}

function isEverybody(principal: unknown): boolean {
  if (principal === '*') return true
  if (typeof principal !== 'object' || principal === null || !('AWS' in principal)) return false
  return [principal.AWS].flat().includes('*')
}

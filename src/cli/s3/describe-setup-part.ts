import type { S3Config } from '../../config/load-config.ts'
import type { BucketUnusable, PartProblem, PartResult } from '../../storage/bucket-setup/apply-part.ts'
import type { Conflict, Objection } from '../../storage/bucket-setup/bucket-part.ts'
import type { BucketChoices, PartName } from '../../storage/bucket-setup/bucket-rules.ts'
import { isAmazon } from '../../storage/s3/requests/retrying-s3-client.ts'
import { explainS3Failure } from '../printing/explain-s3-failure.ts'

/** `message` and the messages of objections have no full stop at their end. */
export type DescribedPart = Pick<PartResult, 'part' | 'outcome' | 'changes'> & {
  title: string
  /** What failed, how the setting differs from the requested one, or what the operator has to do now. */
  message?: string
  advice?: string
  objections: { isSerious: boolean; message: string }[]
}

const titles: Record<PartName, string> = {
  versioning: 'Versioning',
  policy: 'Policy: TLS only, no signature older than an hour',
  public_access: 'Closed to the public',
  encryption: 'Default encryption',
  lifecycle: 'Lifecycle',
  cors: 'CORS',
  replication: 'Replication',
}

export function describePart(
  { problem, isWeaker, objections, ...result }: PartResult,
  { config, choices }: { config: S3Config; choices: BucketChoices },
): DescribedPart {
  const message = isWeaker ? weakerAccess : result.outcome === 'changed' ? remind(result.part, choices) : undefined
  return {
    ...result,
    title: titles[result.part],
    ...(message === undefined ? {} : { message }),
    ...(problem && describeProblem(problem, config)),
    objections: objections.map((each) => ({ isSerious: each.isSerious, message: describeObjection(each) })),
  }
}

const weakerAccess =
  'BlockPublicAcls is off, because with it this store rejects every upload. IgnorePublicAcls is on, so no ACL grants public access'

/** What the operator has to do after a part was set. */
function remind(part: PartName, { kmsKey, replication }: BucketChoices): string | undefined {
  if (part === 'encryption' && kmsKey !== undefined)
    return 'The service’s own credentials need kms:GenerateDataKey and kms:Decrypt on this key, or its uploads fail. Existing objects keep their encryption'
  if (part === 'replication' && replication !== undefined && replication !== 'off')
    return 'Only new objects are copied. S3 Batch Replication copies existing ones. Set up the other bucket with this command too, so that removed objects are also deleted there'
  return undefined
}

function describeProblem(problem: PartProblem, config: S3Config): { message: string; advice?: string } {
  switch (problem.kind) {
    case 'unsupported':
      return { message: 'This store does not support it', advice: 'The rest of the bucket is set up without it.' }
    case 'conflict':
      return { message: describeConflict(problem.conflict) }
    case 'call_failed':
      return explainS3Failure(problem.failure)
    case 'rolled_back':
      return {
        message: `With this setting the bucket rejects the service’s uploads (${explainS3Failure(problem.failure).message}), so the setting was rolled back`,
        advice: isAmazon(config)
          ? 'Find the cause, such as a missing right on the key, and run this again.'
          : 'The store accepts the setting but does not behave as Amazon S3 does.',
      }
    case 'not_rolled_back':
      return {
        message: `The setting was tested and could not be rolled back (${explainS3Failure(problem.failure).message})`,
        advice:
          'Restore the old setting by hand. ./bin/paniq-docs s3 test checks whether the bucket accepts documents.',
      }
    case 'altered': {
      const items = problem.left.map(
        ({ item, from }) => `${item} is ${from === undefined ? 'missing' : JSON.stringify(from)}`,
      )
      return {
        message: `The store accepted the setting but changed it: ${items.join('; ')}`,
        advice: 'If somebody else is changing the bucket now, run this again. Otherwise the store does not support it.',
      }
    }
  }
}

function describeConflict(conflict: Conflict): string {
  switch (conflict.kind) {
    case 'skips_kms_objects':
      return 'The bucket encrypts with a KMS key, and with this rule S3 silently skips such objects. Use --replicate-to with --replica-kms-key <arn>, a key of the replica’s region, or --replicate-to off'
    case 'other_role':
      return `This bucket already has replication rules of others with the role ${conflict.role}, and a bucket has only one role. Use --replication-role ${conflict.role}, or remove those rules.`
  }
}

function describeObjection(objection: Objection): string {
  switch (objection.kind) {
    case 'weaker_public_access':
      return weakerAccess
    case 'any_origin':
      return 'A rule that this command does not own lets pages of every origin read'
    case 'open_statement': {
      const name = objection.sid === undefined ? 'A statement without a Sid' : `The statement ${objection.sid}`
      return `${name}, which this command does not own, allows everybody. Remove it from the policy, which the store may reject until then`
    }
    case 'deletes_documents': {
      const { days, date } = objection
      const when = days === undefined ? date : `${days} days after their upload`
      return `${nameRule(objection.rule)} deletes documents: ${when}. Remove it, or exclude documents from it`
    }
    case 'moves_documents': {
      const { storageClass } = objection
      const why = storageClass === 'ONEZONE_IA' ? 'which has only one copy' : 'from which links cannot read'
      return `${nameRule(objection.rule)} moves documents to ${storageClass}, ${why}. Remove it, or exclude documents from it`
    }
    case 'deletes_old_versions':
      return `${nameRule(objection.rule)} deletes old versions sooner: after ${objection.days} days`
  }
}

function nameRule(id: string | undefined): string {
  return `The rule ${id ?? 'without a name'}, which this command does not own,`
}

/** Explains why no part of the bucket can be set up. */
export function describeUnusable({ failure, isProbe }: BucketUnusable): string {
  const { message, advice } = explainS3Failure(failure)
  if (isProbe)
    return `Nothing was changed: each change is tested with an object that is put, read and deleted, and that fails now. ${message}. ${advice}`
  const more =
    failure.s3Code === 'NoSuchBucket' ? ' `./bin/paniq-docs s3 test` creates it, with credentials that allow it.' : ''
  return `${message}. ${advice}${more}`
}

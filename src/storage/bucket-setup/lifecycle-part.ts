import {
  DeleteBucketLifecycleCommand,
  GetBucketLifecycleConfigurationCommand,
  type LifecycleRule,
  PutBucketLifecycleConfigurationCommand,
  type TransitionDefaultMinimumObjectSize,
} from '@aws-sdk/client-s3'

import { type Items, type Objection, type PartDefinition, undefinedOn } from './bucket-part.ts'
import {
  type BucketChoices,
  lifecycleRules,
  type LifecycleOptions,
  documentsPrefix,
  transitionClasses,
  defaultNoncurrentDays,
} from './bucket-rules.ts'

type Lifecycle = { rules: LifecycleRule[]; smallest: TransitionDefaultMinimumObjectSize | undefined }

const ourIds = new Set(
  lifecycleRules({
    noncurrentDays: defaultNoncurrentDays,
    transition: { days: 1, storageClass: 'STANDARD_IA' },
    quarantineDays: undefined,
  }).map(({ ID }) => ID),
)

export const lifecyclePart: PartDefinition<Lifecycle> = {
  part: 'lifecycle',
  title: 'Lifecycle',
  async read({ client, config, signal }) {
    const command = new GetBucketLifecycleConfigurationCommand({ Bucket: config.bucket })
    const answer = await undefinedOn('NoSuchLifecycleConfiguration', client.send(command, { abortSignal: signal }))
    if (answer === undefined) return undefined
    return { rules: (answer.Rules ?? []).map(normalize), smallest: answer.TransitionDefaultMinimumObjectSize }
  },
  ours: (held) => byId(rulesOf(held).filter(isOurs)),
  wanted: ({ choices, held }) => byId(lifecycleRules(optionsOf(choices, rulesOf(held)))),
  merge: (held, items) => ({
    // The items are our own rules, or rules that were read.
    rules: [...rulesOf(held).filter((rule) => !isOurs(rule)), ...(Object.values(items) as LifecycleRule[])],
    smallest: held?.smallest,
  }),
  write: ({ client, config }, { rules, smallest }) =>
    client.send(
      new PutBucketLifecycleConfigurationCommand({
        Bucket: config.bucket,
        LifecycleConfiguration: { Rules: rules },
        ...(smallest === undefined ? {} : { TransitionDefaultMinimumObjectSize: smallest }),
      }),
    ),
  clear: ({ client, config }) => client.send(new DeleteBucketLifecycleCommand({ Bucket: config.bucket })),
  objections: (held, wanted) => {
    const days = noncurrentDaysOf(Object.values(wanted) as LifecycleRule[]) ?? defaultNoncurrentDays
    return rulesOf(held)
      .filter((rule) => !isOurs(rule))
      .flatMap((rule) => objectToRule(rule, days))
  },
  isRequested: () => false,
}

function rulesOf(held: Lifecycle | undefined): LifecycleRule[] {
  return held?.rules ?? []
}

function isOurs({ ID }: LifecycleRule): boolean {
  return ID !== undefined && ourIds.has(ID)
}

function byId(rules: LifecycleRule[]): Items {
  return Object.fromEntries(rules.map((rule) => [rule.ID ?? '', rule]))
}

/** S3 rejects a mix of old rules (`Prefix`) and new ones (`Filter`), so all are converted to the new format. */
function normalize({ Prefix: prefix, Filter: filter, ...rule }: LifecycleRule): LifecycleRule {
  const isEmpty = filter === undefined || Object.keys(filter).length === 0
  return { ...rule, Filter: isEmpty ? { Prefix: prefix ?? '' } : filter }
}

/** Missing options keep the current rules: a run without options must not delete anything sooner. */
function optionsOf(
  { noncurrentDays, transition, quarantineDays }: BucketChoices,
  rules: LifecycleRule[],
): LifecycleOptions {
  return {
    noncurrentDays: noncurrentDays ?? noncurrentDaysOf(rules) ?? defaultNoncurrentDays,
    transition: transition === 'off' ? undefined : (transition ?? transitionOf(rules)),
    quarantineDays:
      quarantineDays === 'off' ? undefined : (quarantineDays ?? ruleOf(rules, 'paniq-quarantine')?.Expiration?.Days),
  }
}

function ruleOf(rules: LifecycleRule[], id: string): LifecycleRule | undefined {
  return rules.find(({ ID }) => ID === id)
}

function noncurrentDaysOf(rules: LifecycleRule[]): number | undefined {
  return ruleOf(rules, 'paniq-old-versions')?.NoncurrentVersionExpiration?.NoncurrentDays
}

function transitionOf(rules: LifecycleRule[]): LifecycleOptions['transition'] {
  const { Days: days, StorageClass: found } = ruleOf(rules, 'paniq-current-versions')?.Transitions?.[0] ?? {}
  const storageClass = transitionClasses.find((each) => each === found)
  return days === undefined || storageClass === undefined ? undefined : { days, storageClass }
}

/** Problems with a foreign rule that applies to documents. */
export function objectToRule(rule: LifecycleRule, noncurrentDays: number): Objection[] {
  if (rule.Status !== 'Enabled' || !appliesToDocuments(rule)) return []
  return [...ofExpiration(rule), ...ofTransitions(rule), ...ofOldVersions(rule, noncurrentDays)]
}

/** Documents have no tags, so a rule that filters by a tag does not apply. */
function appliesToDocuments({ Filter: filter }: LifecycleRule): boolean {
  const { Prefix: prefix = '', Tags: tags = [] } = { ...filter, ...filter?.And }
  const isTagged = filter?.Tag !== undefined || tags.length > 0
  return !isTagged && (prefix.startsWith(documentsPrefix) || documentsPrefix.startsWith(prefix))
}

function ofExpiration(rule: LifecycleRule): Objection[] {
  const { Days: days, Date: date } = rule.Expiration ?? {}
  const when = days === undefined ? date?.toISOString() : `${days} days after their upload`
  if (when === undefined) return []
  return [
    { isSerious: true, message: `${nameOf(rule)} deletes documents: ${when}. Remove it, or exclude documents from it` },
  ]
}

function ofTransitions(rule: LifecycleRule): Objection[] {
  const allowed = new Set<string>(transitionClasses)
  const others = (rule.Transitions ?? []).flatMap(({ StorageClass }) => StorageClass ?? [])
  return others
    .filter((each) => !allowed.has(each))
    .map((each) => ({
      isSerious: true,
      message: `${nameOf(rule)} moves documents to ${each}, ${each === 'ONEZONE_IA' ? 'which has only one copy' : 'from which links cannot read'}. Remove it, or exclude documents from it`,
    }))
}

function ofOldVersions(rule: LifecycleRule, noncurrentDays: number): Objection[] {
  const days = rule.NoncurrentVersionExpiration?.NoncurrentDays
  if (days === undefined || days >= noncurrentDays) return []
  return [{ isSerious: false, message: `${nameOf(rule)} deletes old versions sooner: after ${days} days` }]
}

function nameOf({ ID }: LifecycleRule): string {
  return `The rule ${ID ?? 'without a name'}, which this command does not own,`
}

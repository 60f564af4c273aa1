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
    return { rules: (answer.Rules ?? []).map(inOneForm), smallest: answer.TransitionDefaultMinimumObjectSize }
  },
  ours: (held) => byId(rulesOf(held).filter(isOurs)),
  wanted: ({ choices, held }) => byId(lifecycleRules(wishOf(choices, rulesOf(held)))),
  merge: (held, items) => ({
    // Of our own making, or read from a rule.
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

/** A rule of the old form and one of the new cannot stand in one lifecycle; both say the same. */
function inOneForm({ Prefix: prefix, Filter: filter, ...rule }: LifecycleRule): LifecycleRule {
  const isEmpty = filter === undefined || Object.keys(filter).length === 0
  return { ...rule, Filter: isEmpty ? { Prefix: prefix ?? '' } : filter }
}

/** What nobody asks for stays as our own rules have it: a run without options destroys nothing sooner. */
function wishOf(
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

/** What speaks against a rule of somebody else's that papers come under. */
export function objectToRule(rule: LifecycleRule, noncurrentDays: number): Objection[] {
  if (rule.Status !== 'Enabled' || !isOfPapers(rule)) return []
  return [...ofExpiration(rule), ...ofTransitions(rule), ...ofOldVersions(rule, noncurrentDays)]
}

/** Papers have no tags, so that a rule that asks for one is not theirs. */
function isOfPapers({ Filter: filter }: LifecycleRule): boolean {
  const { Prefix: prefix = '', Tags: tags = [] } = { ...filter, ...filter?.And }
  const isTagged = filter?.Tag !== undefined || tags.length > 0
  return !isTagged && (prefix.startsWith(documentsPrefix) || documentsPrefix.startsWith(prefix))
}

function ofExpiration(rule: LifecycleRule): Objection[] {
  const { Days: days, Date: date } = rule.Expiration ?? {}
  const when = days === undefined ? date?.toISOString() : `${days} days after they came`
  if (when === undefined) return []
  return [
    { isSerious: true, message: `${nameOf(rule)} removes papers: ${when}. Take it away, or keep papers out of it` },
  ]
}

function ofTransitions(rule: LifecycleRule): Objection[] {
  const allowed = new Set<string>(transitionClasses)
  const others = (rule.Transitions ?? []).flatMap(({ StorageClass }) => StorageClass ?? [])
  return others
    .filter((each) => !allowed.has(each))
    .map((each) => ({
      isSerious: true,
      message: `${nameOf(rule)} moves papers to ${each}, ${each === 'ONEZONE_IA' ? 'where one fire destroys them' : 'from where a link cannot give them'}. Take it away, or keep papers out of it`,
    }))
}

function ofOldVersions(rule: LifecycleRule, noncurrentDays: number): Objection[] {
  const days = rule.NoncurrentVersionExpiration?.NoncurrentDays
  if (days === undefined || days >= noncurrentDays) return []
  return [{ isSerious: false, message: `${nameOf(rule)} removes old versions sooner: after ${days} days` }]
}

function nameOf({ ID }: LifecycleRule): string {
  return `The rule ${ID ?? 'without a name'}, which is not this command’s,`
}

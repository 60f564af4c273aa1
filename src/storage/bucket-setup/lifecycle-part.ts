import {
  DeleteBucketLifecycleCommand,
  GetBucketLifecycleConfigurationCommand,
  type LifecycleRule,
  PutBucketLifecycleConfigurationCommand,
  type TransitionDefaultMinimumObjectSize,
} from '@aws-sdk/client-s3'

import type { Items, Objection, PartDefinition } from './bucket-part.ts'
import { type BucketChoices } from './bucket-rules.ts'
import {
  lifecycleRules,
  type LifecycleOptions,
  documentsPrefix,
  transitionClasses,
  defaultNoncurrentDays,
} from './lifecycle-rules.ts'

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
  absentCode: 'NoSuchLifecycleConfiguration',
  async get({ client, at, reading }) {
    const answer = await client.send(new GetBucketLifecycleConfigurationCommand(at), reading)
    return { rules: (answer.Rules ?? []).map(normalize), smallest: answer.TransitionDefaultMinimumObjectSize }
  },
  put: ({ client, at }, { rules, smallest }) =>
    client.send(
      new PutBucketLifecycleConfigurationCommand({
        ...at,
        LifecycleConfiguration: { Rules: rules },
        ...(smallest === undefined ? {} : { TransitionDefaultMinimumObjectSize: smallest }),
      }),
    ),
  delete: ({ client, at }) => client.send(new DeleteBucketLifecycleCommand(at)),
  ours: (lifecycle) => byId(lifecycle?.rules.filter(isOurs) ?? []),
  wanted: ({ choices, setting: lifecycle }) => byId(lifecycleRules(optionsOf(choices, lifecycle?.rules ?? []))),
  merge: (lifecycle, items) => ({
    // The items are our own rules, or rules that were read.
    rules: [...foreignRulesOf(lifecycle), ...(Object.values(items) as LifecycleRule[])],
    smallest: lifecycle?.smallest,
  }),
  objections: (lifecycle, wanted) => {
    const days = noncurrentDaysOf(Object.values(wanted) as LifecycleRule[]) ?? defaultNoncurrentDays
    return foreignRulesOf(lifecycle).flatMap((rule) => objectToRule(rule, days))
  },
}

function foreignRulesOf(lifecycle: Lifecycle | undefined): LifecycleRule[] {
  return lifecycle?.rules.filter((rule) => !isOurs(rule)) ?? []
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

function ofExpiration({ ID: rule, Expiration: { Days: days, Date: date } = {} }: LifecycleRule): Objection[] {
  if (days === undefined && date === undefined) return []
  return [{ isSerious: true, kind: 'deletes_documents', rule, days, date: date?.toISOString() }]
}

function ofTransitions({ ID: rule, Transitions = [] }: LifecycleRule): Objection[] {
  const allowed = new Set<string | undefined>([...transitionClasses, undefined])
  return Transitions.filter(({ StorageClass }) => !allowed.has(StorageClass)).map(({ StorageClass = '' }) => ({
    isSerious: true,
    kind: 'moves_documents',
    rule,
    storageClass: StorageClass,
  }))
}

function ofOldVersions({ ID: rule, NoncurrentVersionExpiration }: LifecycleRule, noncurrentDays: number): Objection[] {
  const days = NoncurrentVersionExpiration?.NoncurrentDays
  if (days === undefined || days >= noncurrentDays) return []
  return [{ isSerious: false, kind: 'deletes_old_versions', rule, days }]
}

/** Documents have no tags, so a rule that filters by a tag does not apply. */
function appliesToDocuments({ Filter: filter }: LifecycleRule): boolean {
  const { Prefix: prefix = '', Tags: tags = [] } = { ...filter, ...filter?.And }
  const isTagged = filter?.Tag !== undefined || tags.length > 0
  return !isTagged && (prefix.startsWith(documentsPrefix) || documentsPrefix.startsWith(prefix))
}

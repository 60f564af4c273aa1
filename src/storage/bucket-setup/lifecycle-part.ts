import {
  DeleteBucketLifecycleCommand,
  GetBucketLifecycleConfigurationCommand,
  type LifecycleRule,
  PutBucketLifecycleConfigurationCommand,
  type TransitionDefaultMinimumObjectSize,
} from '@aws-sdk/client-s3'

import type { BucketChoices } from './bucket-choices.ts'
import type { PartDefinition } from './bucket-part.ts'
import type { Items } from './compare-items.ts'
import { lifecycleRules, type LifecycleWish, transitionClasses, usualNoncurrentDays } from './lifecycle-rules.ts'
import { objectToRule } from './object-to-rule.ts'
import { unless } from './unless.ts'

type Lifecycle = { rules: LifecycleRule[]; smallest: TransitionDefaultMinimumObjectSize | undefined }

const ourIds = new Set(
  lifecycleRules({
    noncurrentDays: usualNoncurrentDays,
    transition: { days: 1, storageClass: 'STANDARD_IA' },
    quarantineDays: undefined,
  }).map(({ ID }) => ID),
)

export const lifecyclePart: PartDefinition<Lifecycle> = {
  part: 'lifecycle',
  title: 'Lifecycle',
  async read({ client, config, signal }) {
    const command = new GetBucketLifecycleConfigurationCommand({ Bucket: config.bucket })
    const answer = await unless('NoSuchLifecycleConfiguration', client.send(command, { abortSignal: signal }))
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
  async write({ client, config }, { rules, smallest }) {
    await client.send(
      new PutBucketLifecycleConfigurationCommand({
        Bucket: config.bucket,
        LifecycleConfiguration: { Rules: rules },
        ...(smallest === undefined ? {} : { TransitionDefaultMinimumObjectSize: smallest }),
      }),
    )
  },
  async clear({ client, config }) {
    await client.send(new DeleteBucketLifecycleCommand({ Bucket: config.bucket }))
  },
  objections: (held, wanted) => {
    const days = noncurrentDaysOf(Object.values(wanted) as LifecycleRule[]) ?? usualNoncurrentDays
    return rulesOf(held)
      .filter((rule) => !isOurs(rule))
      .flatMap((rule) => objectToRule(rule, days))
  },
  isAskedFor: () => false,
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
function wishOf({ noncurrentDays, transition, quarantineDays }: BucketChoices, rules: LifecycleRule[]): LifecycleWish {
  return {
    noncurrentDays: noncurrentDays ?? noncurrentDaysOf(rules) ?? usualNoncurrentDays,
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

function transitionOf(rules: LifecycleRule[]): LifecycleWish['transition'] {
  const { Days: days, StorageClass: found } = ruleOf(rules, 'paniq-current-versions')?.Transitions?.[0] ?? {}
  const storageClass = transitionClasses.find((each) => each === found)
  return days === undefined || storageClass === undefined ? undefined : { days, storageClass }
}

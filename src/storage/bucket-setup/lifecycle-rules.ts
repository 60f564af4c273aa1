import { testKey } from '../connection-test/connection-step.ts'

/** Classes that give a paper back at once, as a link must, and keep it in more than one zone. */
export const transitionClasses = ['STANDARD_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR'] as const
export type TransitionClass = (typeof transitionClasses)[number]

export type LifecycleWish = {
  /** How long what was replaced or removed is kept. */
  noncurrentDays: number
  /** Moves papers to a cheaper class when they are so old. Undefined: they stay where they are. */
  transition: { days: number; storageClass: TransitionClass } | undefined
  /** Removes what lies in quarantine when it is so old. Undefined: a person does. */
  quarantineDays: number | undefined
}

export type LifecycleRuleData = {
  ID: string
  Status: 'Enabled'
  Filter: { Prefix: string }
  AbortIncompleteMultipartUpload?: { DaysAfterInitiation: number }
  NoncurrentVersionTransitions?: { NoncurrentDays: number; StorageClass: TransitionClass }[]
  NoncurrentVersionExpiration?: { NoncurrentDays: number }
  Transitions?: { Days: number; StorageClass: TransitionClass }[]
  Expiration?: { Days: number } | { ExpiredObjectDeleteMarker: true }
}

export const usualNoncurrentDays = 90
const unfinishedDays = 3
export const papersPrefix = 'security_firms/'
export const quarantinePrefix = 'quarantine/'

// Amazon takes nothing into STANDARD_IA sooner, and has it paid for so long at least.
export const leastDaysInStandard = 30
const leastDaysInIa = 30

/** What `s3 setup` gives a bucket's lifecycle; its other rules are somebody else's. Data alone: `deploy/aws` has it too. */
export function lifecycleRules(wish: LifecycleWish): LifecycleRuleData[] {
  const { noncurrentDays, transition, quarantineDays } = wish
  const rules: LifecycleRuleData[] = [
    {
      ...ruleFor('paniq-unfinished-uploads', ''),
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: unfinishedDays },
    },
    { ...ruleFor('paniq-old-versions', papersPrefix), ...oldVersions(noncurrentDays), ...withoutEmptyMarkers },
    {
      ...ruleFor('paniq-quarantine', quarantinePrefix),
      NoncurrentVersionExpiration: { NoncurrentDays: noncurrentDays },
      // With a number of days S3 takes away the markers that hide nothing by itself.
      ...(quarantineDays === undefined ? withoutEmptyMarkers : { Expiration: { Days: quarantineDays } }),
    },
    {
      ...ruleFor('paniq-connection-test', testKey),
      NoncurrentVersionExpiration: { NoncurrentDays: 1 },
      ...withoutEmptyMarkers,
    },
  ]
  if (transition === undefined) return rules
  const { days, storageClass } = transition
  const moving = { Transitions: [{ Days: days, StorageClass: storageClass }] }
  return [...rules, { ...ruleFor('paniq-current-versions', papersPrefix), ...moving }]
}

function ruleFor(id: string, prefix: string): Pick<LifecycleRuleData, 'ID' | 'Status' | 'Filter'> {
  return { ID: id, Status: 'Enabled', Filter: { Prefix: prefix } }
}

const withoutEmptyMarkers = { Expiration: { ExpiredObjectDeleteMarker: true } } as const

/** What goes soon is not moved first: it would be paid for as if it had stayed. */
function oldVersions(
  noncurrentDays: number,
): Pick<LifecycleRuleData, 'NoncurrentVersionTransitions' | 'NoncurrentVersionExpiration'> {
  const expiration = { NoncurrentVersionExpiration: { NoncurrentDays: noncurrentDays } }
  if (noncurrentDays < leastDaysInStandard + leastDaysInIa) return expiration
  const moving = { NoncurrentDays: leastDaysInStandard, StorageClass: 'STANDARD_IA' } as const
  return { NoncurrentVersionTransitions: [moving], ...expiration }
}

import { uploadExpiry } from '../../vocabulary/vocabulary.ts'
import { testKey } from '../storage-key.ts'

/** Classes with immediate access, which links need, and copies in more than one zone. */
export const transitionClasses = ['STANDARD_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR'] as const
type TransitionClass = (typeof transitionClasses)[number]

export type LifecycleOptions = {
  /** For how many days old versions are kept. */
  noncurrentDays: number
  /** Moves documents of this age to a cheaper class. Undefined: no transition. */
  transition: { days: number; storageClass: TransitionClass } | undefined
  /** Deletes quarantined files of this age. Undefined: a person deletes them. */
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

export const defaultNoncurrentDays = 90
/** A day longer than a resumable upload can stay open. */
const unfinishedDays = Math.ceil(uploadExpiry.hoursToArrive / 24) + uploadExpiry.daysComplete + 1
export const documentsPrefix = 'security_firms/'
export const quarantinePrefix = 'quarantine/'

// Amazon accepts no younger objects in STANDARD_IA, and charges for this time at least.
export const minDaysInStandard = 30
const minDaysInIa = 30

/** The lifecycle rules of `s3 setup`. It never changes other rules. Data only: `deploy/aws` uses it too. */
export function lifecycleRules(options: LifecycleOptions): LifecycleRuleData[] {
  const { noncurrentDays, transition, quarantineDays } = options
  const rules: LifecycleRuleData[] = [
    {
      ...ruleFor('paniq-unfinished-uploads', ''),
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: unfinishedDays },
    },
    { ...ruleFor('paniq-old-versions', documentsPrefix), ...oldVersions(noncurrentDays), ...withoutEmptyMarkers },
    {
      ...ruleFor('paniq-quarantine', quarantinePrefix),
      NoncurrentVersionExpiration: { NoncurrentDays: noncurrentDays },
      // With a number of days, S3 removes expired delete markers by itself.
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
  return [...rules, { ...ruleFor('paniq-current-versions', documentsPrefix), ...moving }]
}

function ruleFor(id: string, prefix: string): Pick<LifecycleRuleData, 'ID' | 'Status' | 'Filter'> {
  return { ID: id, Status: 'Enabled', Filter: { Prefix: prefix } }
}

const withoutEmptyMarkers = { Expiration: { ExpiredObjectDeleteMarker: true } } as const

/** Versions that expire soon are not moved, because the minimum storage time would be charged. */
function oldVersions(
  noncurrentDays: number,
): Pick<LifecycleRuleData, 'NoncurrentVersionTransitions' | 'NoncurrentVersionExpiration'> {
  const expiration = { NoncurrentVersionExpiration: { NoncurrentDays: noncurrentDays } }
  if (noncurrentDays < minDaysInStandard + minDaysInIa) return expiration
  const moving = { NoncurrentDays: minDaysInStandard, StorageClass: 'STANDARD_IA' } as const
  return { NoncurrentVersionTransitions: [moving], ...expiration }
}

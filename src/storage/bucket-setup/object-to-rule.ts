import type { LifecycleRule } from '@aws-sdk/client-s3'

import type { Objection } from './bucket-part.ts'
import { papersPrefix, transitionClasses } from './lifecycle-rules.ts'

/** What speaks against a rule of somebody else's that papers come under. */
export function objectToRule(rule: LifecycleRule, noncurrentDays: number): Objection[] {
  if (rule.Status !== 'Enabled' || !isOfPapers(rule)) return []
  return [...ofExpiration(rule), ...ofTransitions(rule), ...ofOldVersions(rule, noncurrentDays)]
}

/** Papers have no tags, so that a rule that asks for one is not theirs. */
function isOfPapers({ Filter: filter }: LifecycleRule): boolean {
  const { Prefix: prefix = '', Tags: tags = [] } = { ...filter, ...filter?.And }
  const isTagged = filter?.Tag !== undefined || tags.length > 0
  return !isTagged && (prefix.startsWith(papersPrefix) || papersPrefix.startsWith(prefix))
}

function ofExpiration(rule: LifecycleRule): Objection[] {
  const { Days: days, Date: date } = rule.Expiration ?? {}
  const when = days === undefined ? date?.toISOString() : `${days} days after they came`
  if (when === undefined) return []
  return [{ breaks: true, says: `${nameOf(rule)} removes papers: ${when}. Take it away, or keep papers out of it` }]
}

function ofTransitions(rule: LifecycleRule): Objection[] {
  const allowed = new Set<string>(transitionClasses)
  const others = (rule.Transitions ?? []).flatMap(({ StorageClass }) => StorageClass ?? [])
  return others
    .filter((each) => !allowed.has(each))
    .map((each) => ({
      breaks: true,
      says: `${nameOf(rule)} moves papers to ${each}, ${each === 'ONEZONE_IA' ? 'where one fire destroys them' : 'from where a link cannot give them'}. Take it away, or keep papers out of it`,
    }))
}

function ofOldVersions(rule: LifecycleRule, noncurrentDays: number): Objection[] {
  const days = rule.NoncurrentVersionExpiration?.NoncurrentDays
  if (days === undefined || days >= noncurrentDays) return []
  return [{ breaks: false, says: `${nameOf(rule)} removes old versions sooner: after ${days} days` }]
}

function nameOf({ ID }: LifecycleRule): string {
  return `The rule ${ID ?? 'without a name'}, which is not this command’s,`
}

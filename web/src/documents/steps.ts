import type { Checklist, ChecklistItem } from '../api/queries.ts'

type Stage = { kind: 'upload'; item: ChecklistItem } | { kind: 'wait' } | { kind: 'submit' } | { kind: 'none' }

/** What blocks an application longest comes first. */
const urgency: ChecklistItem['state'][] = ['rejected', 'expired', 'missing', 'expiring']

/** The one thing that a firm does next. */
export function findNextStep({ items, is_complete: isComplete, verification_status: status }: Checklist): Stage {
  const required = items.filter((item) => item.is_required)
  for (const state of urgency) {
    const item = required.find((each) => each.state === state)
    if (item !== undefined && !(state === 'expiring' && isComplete && canSubmit(status)))
      return { kind: 'upload', item }
  }
  if (isComplete) return canSubmit(status) ? { kind: 'submit' } : { kind: 'none' }
  return { kind: 'wait' }
}

function canSubmit(status: string): boolean {
  return status === 'draft' || status === 'rejected'
}

export function countAccepted(items: ChecklistItem[]): { accepted: number; required: number } {
  const required = items.filter((item) => item.is_required)
  const accepted = required.filter(({ state }) => state === 'verified' || state === 'expiring')
  return { accepted: accepted.length, required: required.length }
}

import type { Checklist, ChecklistItem } from '../api/queries.ts'

type Stage = { kind: 'upload'; item: ChecklistItem } | { kind: 'wait' } | { kind: 'submit' } | { kind: 'none' }

/** What blocks an application longest comes first. */
const urgency: ChecklistItem['state'][] = ['rejected', 'expired', 'missing', 'expiring']

/** The required documents that the firm must upload, the most urgent first. `inReview`: a newer one is uploaded already. */
export function listThingsToDo({ items }: Checklist, inReview: ReadonlySet<string>): ChecklistItem[] {
  const open = items.filter((item) => item.is_required && !inReview.has(item.document_type))
  return urgency.flatMap((state) => open.filter((item) => item.state === state))
}

/** The one thing that a firm does next. */
export function findNextStep(checklist: Checklist, inReview: ReadonlySet<string>): Stage {
  const { is_complete: isComplete, verification_status: status } = checklist
  const [item] = listThingsToDo(checklist, inReview)
  if (item !== undefined && !(item.state === 'expiring' && isComplete && canSubmit(status)))
    return { kind: 'upload', item }
  if (isComplete) return canSubmit(status) ? { kind: 'submit' } : { kind: 'none' }
  return { kind: 'wait' }
}

export function canSubmit(status: string): boolean {
  return status === 'draft' || status === 'rejected'
}

export function countAccepted(items: ChecklistItem[]): { accepted: number; required: number } {
  const required = items.filter((item) => item.is_required)
  const accepted = required.filter(({ state }) => state === 'verified' || state === 'expiring')
  return { accepted: accepted.length, required: required.length }
}

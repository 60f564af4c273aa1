import type { ChecklistItem, StoredDocument } from '../api/queries.ts'
import { useTexts } from '../texts/texts.tsx'

type State = ChecklistItem['state']

const tones: Record<State, string> = {
  missing: 'plain',
  pending: 'wait',
  verified: 'good',
  rejected: 'bad',
  expiring: 'warn',
  expired: 'bad',
}

/** Signs besides the colours, for people who do not see them. */
const signs: Record<State, string> = {
  missing: '○',
  pending: '…',
  verified: '✓',
  rejected: '✕',
  expiring: '!',
  expired: '✕',
}

export function StateBadge({ state }: { state: State }) {
  const { states } = useTexts()
  return (
    <span className={`badge badge-${tones[state]}`}>
      <span aria-hidden="true">{signs[state]} </span>
      {states[state]}
    </span>
  )
}

/** The state of one document, without the expiry that the checklist knows. */
export function ReviewBadge({ status }: { status: StoredDocument['review_status'] }) {
  return <StateBadge state={status} />
}

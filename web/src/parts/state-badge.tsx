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

type Reviewed = Pick<StoredDocument, 'review_status' | 'is_verified'>

/** The state of one document. A document that was accepted and is not verified any more has expired. */
export function ReviewBadge({ document: { review_status: status, is_verified: isVerified } }: { document: Reviewed }) {
  return <StateBadge state={status === 'verified' && !isVerified ? 'expired' : status} />
}

import type { ChecklistItem, StoredDocument } from '../api/queries.ts'
import { useFormats, useTexts } from '../texts/texts.tsx'

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

function StateBadge({ state }: { state: State }) {
  const { states } = useTexts()
  return (
    <span className={`badge badge-${tones[state]}`}>
      <span aria-hidden="true">{signs[state]} </span>
      {states[state]}
    </span>
  )
}

/** The state of a type in the checklist. What is not required is not missing, and what expires soon is still accepted. */
export function ItemBadge({ item: { state, is_required: isRequired, valid_until: day } }: { item: ChecklistItem }) {
  const { states } = useTexts()
  const formats = useFormats()
  if (state === 'missing' && !isRequired) return <span className="badge badge-optional">{states.optional}</span>
  if (state !== 'expiring' || day === null) return <StateBadge state={state} />
  return (
    <span className="badge badge-warn badge-long">
      <span aria-hidden="true">{signs.expiring} </span>
      {states.expiresOn(formats.date(day))}
    </span>
  )
}

type Reviewed = Pick<StoredDocument, 'review_status' | 'is_verified'>

/** The state of one document. A document that was accepted and is not verified any more has expired. */
export function ReviewBadge({ document: { review_status: status, is_verified: isVerified } }: { document: Reviewed }) {
  return <StateBadge state={status === 'verified' && !isVerified ? 'expired' : status} />
}

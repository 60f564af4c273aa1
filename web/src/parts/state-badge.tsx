import { dayInJohannesburg, daysBetween, expiringDays } from '../../../src/vocabulary/days.ts'
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
  if (state === 'missing' && !isRequired) return <span className="badge badge-optional">{states.optional}</span>
  return <EndingBadge state={state} day={day} />
}

/** Names the day of what expires soon. */
function EndingBadge({ state, day }: { state: State; day: string | null }) {
  const { states } = useTexts()
  const formats = useFormats()
  if (state !== 'expiring' || day === null) return <StateBadge state={state} />
  return (
    <span className="badge badge-warn badge-long">
      <span aria-hidden="true">{signs.expiring} </span>
      {states.expiresOn(formats.date(day))}
    </span>
  )
}

type Reviewed = Pick<StoredDocument, 'review_status' | 'is_verified' | 'valid_until'>

/** The state of one document, as the checklist calls it. */
export function ReviewBadge({ document }: { document: Reviewed }) {
  return <EndingBadge state={stateOf(document).state} day={document.valid_until} />
}

type Ending = { state: State; daysLeft: number | null }

/** A document that was accepted and is not verified any more has expired. */
export function stateOf({ review_status: status, is_verified: isVerified, valid_until: day }: Reviewed): Ending {
  const daysLeft = day === null ? null : daysBetween(dayInJohannesburg(new Date()), day)
  if (status !== 'verified') return { state: status, daysLeft }
  if (!isVerified || (daysLeft !== null && daysLeft < 0)) return { state: 'expired', daysLeft }
  return { state: daysLeft !== null && daysLeft <= expiringDays ? 'expiring' : 'verified', daysLeft }
}

/** Until when a document is valid, in words. The badge has the day of one that expires soon. */
export function useValidity(): (of: Ending & { day: string | null }) => string | undefined {
  const { checklist: texts } = useTexts()
  const formats = useFormats()
  return ({ state, day, daysLeft }) => {
    if (day === null) return undefined
    if (state === 'expired') return texts.expiredSince(formats.date(day))
    if (state === 'expiring') return daysLeft === null ? undefined : texts.daysLeft(daysLeft)
    return texts.validUntil(formats.date(day))
  }
}

import { useQuery } from '@tanstack/react-query'

import { applicationQuery, type Checklist, type ChecklistItem, type Firm } from '../api/queries.ts'
import { Given, useFormats, useTexts } from '../texts/texts.tsx'
import { canSubmit, countAccepted, listThingsToDo } from './find-next-step.ts'

type Props = { firm: Firm; checklist: Checklist; inReview: ReadonlySet<string> }

/** How far the checklist is, everything that is left to do, and what follows. */
export function ChecklistSummary({ firm, checklist, inReview }: Props) {
  const { checklist: texts } = useTexts()
  const { accepted, required } = countAccepted(checklist.items)
  const left = listThingsToDo(checklist, inReview)
  return (
    <div className="done">
      <progress value={accepted} max={Math.max(required, 1)} aria-label={texts.progress(accepted, required)} />
      <p>{texts.progress(accepted, required)}</p>
      {left.length < 2 ? null : (
        <p>
          {texts.thingsToDo(left.length)}{' '}
          {left.map((item, index) => (
            <span key={item.document_type}>
              {index === 0 ? null : ' · '}
              <LinkToCard item={item} />
            </span>
          ))}
        </p>
      )}
      {checklist.is_complete || !canSubmit(checklist.verification_status) ? null : (
        <p className="hint">{firm.role === 'firm_admin' ? texts.whenComplete : texts.whenCompleteMember}</p>
      )}
    </div>
  )
}

export function cardId({ document_type: code }: ChecklistItem): string {
  return `card-${code}`
}

function LinkToCard({ item }: { item: ChecklistItem }) {
  const id = cardId(item)
  return (
    <a
      href={`#${id}`}
      onClick={(event) => {
        // The address of the view stays, and so does its title.
        event.preventDefault()
        const card = document.querySelector<HTMLElement>(`#${CSS.escape(id)}`)
        card?.scrollIntoView({ block: 'start' })
        card?.querySelector<HTMLElement>('h3')?.focus({ preventScroll: true })
      }}
    >
      <Given>{item.name}</Given>
    </a>
  )
}

/** For administrators and reviewers of the platform: how far the firm is. It asks nothing of the person who reads it. */
export function FirmSituation({ firm, checklist, inReview }: Props) {
  const { checklist: texts } = useTexts()
  const { accepted, required } = countAccepted(checklist.items)
  const lacking = listThingsToDo(checklist, inReview).filter(({ state }) => state !== 'expiring')
  return (
    <div className="done">
      <progress value={accepted} max={Math.max(required, 1)} aria-label={texts.progress(accepted, required)} />
      <p>{texts.progress(accepted, required)}</p>
      {lacking.length > 0 ? (
        <p>
          <strong>{texts.lacking}</strong> <Given>{lacking.map(({ name }) => name).join(', ')}</Given>
        </p>
      ) : null}
      {lacking.length === 0 && !checklist.is_complete ? <p>{texts.ofFirm.waiting}</p> : null}
      <ApplicationLine firm={firm} isComplete={checklist.is_complete} />
    </div>
  )
}

function ApplicationLine({ firm, isComplete }: { firm: Firm; isComplete: boolean }) {
  const { ofFirm: texts } = useTexts().checklist
  const formats = useFormats()
  const { verification_status: status } = firm
  const isOpen = status === 'submitted' || status === 'under_review'
  const application = useQuery({ ...applicationQuery(firm.id), enabled: isOpen })
  if (status === 'approved') return <p>{texts.approved}</p>
  const submittedAt = application.data?.submitted_at ?? null
  return (
    <>
      {isOpen && submittedAt !== null ? <p>{texts.submitted(formats.date(submittedAt))}</p> : null}
      {status === 'rejected' ? <p>{texts.rejected}</p> : null}
      {!isOpen && isComplete ? <p>{texts.complete}</p> : null}
    </>
  )
}

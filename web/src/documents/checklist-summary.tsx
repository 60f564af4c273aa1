import type { Checklist, ChecklistItem, Firm } from '../api/queries.ts'
import { Given, useTexts } from '../texts/texts.tsx'
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

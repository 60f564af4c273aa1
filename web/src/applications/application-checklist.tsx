import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'

import { type ChecklistItem, checklistQuery } from '../api/queries.ts'
import { countAccepted } from '../documents/find-next-step.ts'
import { ProblemBox } from '../parts/problem-box.tsx'
import { ItemBadge } from '../parts/state-badge.tsx'
import { Given, useTexts } from '../texts/texts.tsx'

/** What is still missing for an approval, the required types, and the optional ones. */
export function ApplicationChecklist({ firmId }: { firmId: string }) {
  const { checklist: texts } = useTexts()
  const checklist = useQuery(checklistQuery(firmId))
  const items = checklist.data?.items ?? []
  return (
    <section className="box">
      <h2>{texts.title}</h2>
      {checklist.error === null ? null : <ProblemBox error={checklist.error} retry={() => void checklist.refetch()} />}
      {checklist.data === undefined ? null : <Lacking items={items} />}
      <Group title={texts.requiredTitle} firmId={firmId} items={items.filter((item) => item.is_required)} />
      <Group title={texts.optionalTitle} firmId={firmId} items={items.filter((item) => !item.is_required)} />
    </section>
  )
}

function Lacking({ items }: { items: ChecklistItem[] }) {
  const { checklist: texts } = useTexts()
  const { accepted, required } = countAccepted(items)
  const lacking = items.filter(({ is_required: isRequired, state }) => isRequired && !isAccepted(state))
  return (
    <>
      <p>{texts.progress(accepted, required)}</p>
      {lacking.length === 0 ? null : (
        <p>
          <strong>{texts.lacking}</strong> <Given>{lacking.map(({ name }) => name).join(', ')}</Given>
        </p>
      )}
    </>
  )
}

function isAccepted(state: ChecklistItem['state']): boolean {
  return state === 'verified' || state === 'expiring'
}

function Group({ title, firmId, items }: { title: string; firmId: string; items: ChecklistItem[] }) {
  if (items.length === 0) return null
  return (
    <>
      <h3>{title}</h3>
      <ul className="others">
        {items.map((item) => (
          <li key={item.document_type}>
            {item.document_id === null ? (
              <span className="tap">
                <Given>{item.name}</Given>
              </span>
            ) : (
              <Link to={`/firms/${firmId}/documents/${item.document_id}`} className="tap">
                <Given>{item.name}</Given>
              </Link>
            )}
            <ItemBadge item={item} />
          </li>
        ))}
      </ul>
    </>
  )
}

import { useQuery } from '@tanstack/react-query'
import { type ReactNode, useEffect, useState } from 'react'

import { type ChecklistItem, findType, typesQuery } from '../api/queries.ts'
import { useFirm } from '../app/firm-frame.tsx'
import { useTexts } from '../texts/texts.tsx'
import { useUploads } from '../uploads/upload-state.ts'
import { ChecklistCard, needsNothing } from './checklist-card.tsx'
import { newerThan, useNewestDocuments } from './newer-documents.ts'

/** The types of one section: those that ask for something first, then the others in a group that a phone shows closed. */
export function ChecklistItems({ title, items }: { title: string; items: ChecklistItem[] }) {
  const firm = useFirm()
  const types = useQuery(typesQuery)
  const documents = useNewestDocuments(firm.id)
  const isDone = useIsDone(items)
  if (items.length === 0) return null
  const cards = (shown: ChecklistItem[]) => (
    <ul className="cards">
      {shown.map((item) => (
        <ChecklistCard
          key={item.document_type}
          firm={firm}
          item={item}
          documents={documents.filter((document) => document.document_type === item.document_type)}
          type={findType(types.data, item.document_type)}
        />
      ))}
    </ul>
  )
  const open = items.filter((item) => !isDone(item))
  const done = items.filter(isDone)
  return (
    <section>
      <h2>{title}</h2>
      {open.length === 0 ? null : cards(open)}
      {done.length === 0 ? null : <Done count={done.length}>{cards(done)}</Done>}
    </section>
  )
}

/** Whether a type asks for nothing. A card with a failed upload does; one whose upload has just arrived stays where the person has seen it. */
function useIsDone(items: ChecklistItem[]): (item: ChecklistItem) => boolean {
  const { id } = useFirm()
  const documents = useNewestDocuments(id)
  const uploads = useUploads(id)
  const [seenOpen] = useState(() => new Set<string>())
  const isDone = (item: ChecklistItem) => {
    if (!needsNothing(item, newerThan(item, documents))) return false
    const { document_type: code } = item
    const own = uploads.filter(({ target }) => target.documentType === code && !target.isNextStep)
    return own.length === 0 || !(seenOpen.has(code) || own.some(({ state }) => state === 'failed'))
  }
  useEffect(() => {
    for (const item of items) if (!isDone(item)) seenOpen.add(item.document_type)
  })
  return isDone
}

/** As wide as a phone in the hand; the same as in page.css. */
const phone = '(max-width: 600px)'

function Done({ count, children }: { count: number; children: ReactNode }) {
  const { checklist: texts } = useTexts()
  const [isOpen] = useState(() => !matchMedia(phone).matches)
  return (
    <details className="done-group" open={isOpen}>
      <summary>{texts.done(count)}</summary>
      {children}
    </details>
  )
}

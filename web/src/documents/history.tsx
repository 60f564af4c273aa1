import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'

import type { Schemas } from '../api/openapi.d.ts'
import { type DocumentType, selfQuery, type StoredDocument } from '../api/queries.ts'
import { ProblemBox } from '../parts/problem-box.tsx'
import { Given, useFormats, useTexts } from '../texts/texts.tsx'
import { eventsQuery } from './document-queries.ts'
import { MoreButton } from '../parts/more-button.tsx'

type Event = Schemas['DocumentEvent']

/**
 * Reads that say nothing about the document, among them those of this view itself. A link that is used was issued before, and
 * that is shown.
 */
const hidden = new Set([
  'document.viewed',
  'document.link_used',
  'document.history_viewed',
  'document.versions_listed',
  'document.claimed',
  'document.claim_released',
])

/** The events that are shown. A document that is opened often has whole pages of reads, so others are sought behind them. */
function useShownEvents({ firm_id: firmId, id: documentId }: StoredDocument) {
  const events = useInfiniteQuery(eventsQuery({ firmId, documentId }))
  const shown = events.data?.pages.flatMap(({ items }) => items).filter(({ action }) => !hidden.has(action))
  const { hasNextPage, isFetching, isError, fetchNextPage } = events
  const hasNone = shown?.length === 0
  const isSeeking = hasNone && hasNextPage && !isFetching && !isError
  useEffect(() => {
    if (isSeeking) void fetchNextPage()
  }, [isSeeking, fetchNextPage])
  return { events, shown, isEmpty: hasNone && !hasNextPage }
}

/** What happened to a document, in words. */
export function History({ document, type }: { document: StoredDocument; type: DocumentType | undefined }) {
  const { documents: texts } = useTexts()
  const { events, shown, isEmpty } = useShownEvents(document)
  return (
    <section>
      <h2>{texts.history}</h2>
      {events.error === null ? null : <ProblemBox error={events.error} retry={() => void events.refetch()} />}
      {isEmpty ? <p>{texts.noHistory}</p> : null}
      <ol className="history">
        {shown?.map((event) => (
          <EventRow key={event.id} event={event} type={type} />
        ))}
      </ol>
      <MoreButton list={events} />
    </section>
  )
}

function EventRow({ event, type }: { event: Event; type: DocumentType | undefined }) {
  const { documents: texts, events, eventOther, eventFailed, eventsFailed, reviewed } = useTexts()
  const formats = useFormats()
  const { action, outcome, version, occurred_at: at } = event
  const { decision, reason, comment } = decisionOf(event, type)
  const name = events[action] ?? eventOther
  const failed = outcome === 'ok' ? undefined : (eventsFailed[action] ?? eventFailed(name))
  const words = failed ?? (decision === undefined ? name : reviewed[decision])
  return (
    <li>
      <p>
        <strong>{words}</strong>
        {version === null ? null : ` · ${texts.version(version)}`}
      </p>
      {[reason, comment].map((text) =>
        text === undefined ? null : (
          <p key={text}>
            <Given>{text}</Given>
          </p>
        ),
      )}
      <p className="hint">
        {formats.dateTime(at)} · <Actor event={event} />
      </p>
    </li>
  )
}

type Decision = { decision?: 'verified' | 'rejected'; reason?: string | undefined; comment?: string | undefined }

/** What a reviewer decided, with the words of the type for the reason. */
function decisionOf({ action, details }: Event, type: DocumentType | undefined): Decision {
  const { decision, reason_code: code, comment } = details
  if (action !== 'document.reviewed' || (decision !== 'verified' && decision !== 'rejected')) return {}
  const reason =
    typeof code === 'string' ? (type?.reject_reasons.find((each) => each.code === code)?.text ?? code) : undefined
  return { decision, reason, comment: typeof comment === 'string' ? comment : undefined }
}

function Actor({ event: { action, actor_id: actor } }: { event: Event }) {
  const { by } = useTexts().documents
  const { data: self } = useQuery(selfQuery)
  if (actor === null) return by.service
  if (actor === self?.id) return by.you
  return action === 'document.reviewed' ? by.reviewer : by.other
}

import { Button } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'

import type { Schemas } from '../api/openapi.d.ts'
import { selfQuery, type StoredDocument } from '../api/queries.ts'
import { ProblemBox } from '../parts/problem-box.tsx'
import { Given, useFormats, useTexts } from '../texts/texts.tsx'
import { eventsQuery } from './document-queries.ts'

type Event = Schemas['DocumentEvent']

/** Reads that say nothing about the document, among them those of this view itself. */
const hidden = new Set([
  'document.viewed',
  'document.history_viewed',
  'document.versions_listed',
  'document.claimed',
  'document.claim_released',
])

/** What happened to a document, in words. */
export function History({ document }: { document: StoredDocument }) {
  const { documents: texts, everyView } = useTexts()
  const events = useInfiniteQuery(eventsQuery({ firmId: document.firm_id, documentId: document.id }))
  const shown = events.data?.pages.flatMap(({ items }) => items).filter(({ action }) => !hidden.has(action))
  return (
    <section>
      <h2>{texts.history}</h2>
      {events.error === null ? null : <ProblemBox error={events.error} retry={() => void events.refetch()} />}
      {shown?.length === 0 ? <p>{texts.noHistory}</p> : null}
      <ol className="history">
        {shown?.map((event) => (
          <EventRow key={event.id} event={event} />
        ))}
      </ol>
      {events.hasNextPage ? (
        <Button variant="default" loading={events.isFetchingNextPage} onClick={() => void events.fetchNextPage()}>
          {everyView.showMore}
        </Button>
      ) : null}
    </section>
  )
}

function EventRow({ event }: { event: Event }) {
  const { documents: texts, events, eventOther, eventDenied, reviewed } = useTexts()
  const formats = useFormats()
  const { data: self } = useQuery(selfQuery)
  const { action, outcome, actor_id: actor, details, version } = event
  const decision = details['decision']
  const comment = details['comment']
  const words = decision === 'verify' || decision === 'reject' ? reviewed[decision] : (events[action] ?? eventOther)
  const person = actor === null ? texts.by.service : actor === self?.id ? texts.by.you : texts.by.other
  return (
    <li>
      <p>
        <strong>{words}</strong>
        {outcome === 'ok' ? null : ` ${eventDenied}`}
        {version === null ? null : ` · ${texts.version(version)}`}
      </p>
      {typeof comment === 'string' ? (
        <p>
          <Given>{comment}</Given>
        </p>
      ) : null}
      <p className="hint">
        {formats.dateTime(event.occurred_at)} · {person}
      </p>
    </li>
  )
}

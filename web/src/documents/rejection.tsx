import { useInfiniteQuery } from '@tanstack/react-query'

import type { Schemas } from '../api/openapi.d.ts'
import type { DocumentType } from '../api/queries.ts'
import { Given, useTexts } from '../texts/texts.tsx'
import { eventsQuery } from './document-queries.ts'

type Props = {
  firmId: string
  documentId: string
  version: number | null
  reasonCode: string | null
  type: DocumentType | undefined
}

/** Why a version was rejected: the reason, and what the reviewer wrote about this file. */
export function Rejection({ firmId, documentId, version, reasonCode, type }: Props) {
  const { checklist } = useTexts()
  const reason = type?.reject_reasons.find(({ code }) => code === reasonCode)
  const events = useInfiniteQuery(eventsQuery({ firmId, documentId }))
  const comment = findComment(events.data?.pages.flatMap(({ items }) => items) ?? [], version)
  return (
    <div className="box box-bad">
      <p className="proof-title">{checklist.reason}</p>
      <p>
        <Given>{reason?.text ?? reasonCode}</Given>
      </p>
      {comment === undefined ? null : (
        <p>
          <Given>{comment}</Given>
        </p>
      )}
    </div>
  )
}

/** The comment of the newest decision on this version. The newest event is first. */
function findComment(events: Schemas['DocumentEvent'][], version: number | null): string | undefined {
  const decision = events.find(
    (event) => event.action === 'document.reviewed' && event.outcome === 'ok' && event.version === version,
  )
  const comment = decision?.details['comment']
  return typeof comment === 'string' ? comment : undefined
}

import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'

import { checklistQuery, typesQuery } from '../api/queries.ts'
import { FirmBar, isOfPlatform, useFirm } from '../app/firm-frame.tsx'
import { PageFrame } from '../app/page-frame.tsx'
import { ProblemBox } from '../parts/problem-box.tsx'
import { PhotoDialog } from '../photos/photo-dialog.tsx'
import { useTexts } from '../texts/texts.tsx'
import { ChecklistItems } from './checklist-items.tsx'
import { ChecklistSummary, FirmSituation } from './checklist-summary.tsx'
import { typesInReview, useNewestDocuments } from './newer-documents.ts'
import { ExpiryCalendar } from '../firms/expiry-calendar.tsx'
import { NextStep } from './next-step.tsx'
import { UploadList } from '../uploads/list/upload-list.tsx'

/** The first view of a firm: what is needed, the state of each document, and the one thing to do next. */
export function Checklist() {
  const { checklist: texts } = useTexts()
  const firm = useFirm()
  const checklist = useQuery(checklistQuery(firm.id))
  const types = useQuery(typesQuery)
  const error = checklist.error ?? types.error
  const items = checklist.data?.items ?? []
  const inReview = typesInReview(items, useNewestDocuments(firm.id))
  return (
    <PageFrame title={texts.title} above={<FirmBar firm={firm} />}>
      {error === null ? null : <ProblemBox error={error} retry={() => void checklist.refetch()} />}
      {checklist.data === undefined || types.data === undefined ? (
        error === null && <Placeholders />
      ) : (
        <PhotoDialog key={firm.id}>
          {isOfPlatform(firm) ? (
            <FirmSituation firm={firm} checklist={checklist.data} inReview={inReview} />
          ) : (
            <>
              <ChecklistSummary firm={firm} checklist={checklist.data} inReview={inReview} />
              <NextStep firm={firm} checklist={checklist.data} types={types.data} inReview={inReview} />
            </>
          )}
          <UploadList
            firmId={firm.id}
            isShownAtButton={({ target }) => items.some((item) => item.document_type === target.documentType)}
          />
          <ChecklistItems title={texts.requiredTitle} items={items.filter((item) => item.is_required)} />
          <ChecklistItems title={texts.optionalTitle} items={items.filter((item) => !item.is_required)} />
          <ExpiryCalendar firm={firm} />
        </PhotoDialog>
      )}
    </PageFrame>
  )
}

function Placeholders() {
  return (
    <div className="cards" aria-hidden="true">
      {[1, 2, 3, 4].map((each) => (
        <Skeleton key={each} height={120} radius="md" />
      ))}
    </div>
  )
}

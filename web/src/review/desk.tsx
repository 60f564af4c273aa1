import { Button } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import { useNavigate, useParams, useSearchParams } from 'react-router'

import {
  checklistQuery,
  type DocumentType,
  findType,
  firmQuery,
  type StoredDocument,
  typesQuery,
} from '../api/queries.ts'
import { queryClient } from '../api/client.ts'
import { useNotify } from '../app/notices.tsx'
import { Loading, PageFrame } from '../app/page-frame.tsx'
import { ProblemBox } from '../parts/problem-box.tsx'
import { useShortcuts } from '../parts/shortcuts.ts'
import { canPreview, previewQuery, versionName } from '../preview/preview-query.ts'
import { Preview } from '../preview/preview.tsx'
import { Given, useTexts } from '../texts/texts.tsx'
import { DecisionPanel, useInSight } from './decision-panel.tsx'
import { DocumentFacts } from './document-facts.tsx'
import { FirmAside } from './firm-aside.tsx'
import type { Place } from './last-decision.ts'
import {
  addressOf,
  claimNext,
  countLeft,
  inOrder,
  isWorking,
  leaveUnopened,
  skip,
  useIsWorking,
  useUndo,
  workKey,
} from './next-document.ts'
import { type Desk, deskQuery, queueQuery, release } from './review-queries.ts'
import { ReviewBar } from './review-bar.tsx'
import { lookIsOver, useStillMine } from './still-mine.ts'

/** One document in front of a reviewer: its preview, what it must show, the decision, and the firm beside it. */
export function ReviewDesk() {
  const { firmId = '', documentId = '' } = useParams()
  const { review: texts } = useTexts()
  const place = { firmId, documentId }
  const desk = useQuery(deskQuery(place))
  const work = useWork(place)
  useShortcuts({ n: work.next, u: work.undo })
  const types = useQuery(typesQuery)
  const { data: firm } = useQuery(firmQuery(firmId))
  const { data } = desk
  const { isInSight, onReady } = useInSight(nameOf(data))
  // The next document begins at the top, also where the last one was read below it.
  useEffect(() => {
    window.scrollTo(0, 0)
  }, [documentId])

  if (desk.error !== null)
    return (
      <PageFrame title={texts.deskTitle} above={<ReviewBar />}>
        <ProblemBox error={desk.error} retry={() => void desk.refetch()} />
        <NextButton work={work} />
      </PageFrame>
    )
  if (data === undefined) return <Loading />
  if (data.kind === 'taken')
    return (
      <PageFrame title={texts.deskTitle} above={<ReviewBar />}>
        <div className="box box-wait">
          <h2>{texts.takenTitle}</h2>
          <p>
            <Given>{data.detail}</Given>
          </p>
          <NextButton work={work} />
        </div>
      </PageFrame>
    )
  return (
    <PageFrame title={titleOf(types.data, firm?.name, data.document)} isGivenTitle above={<ReviewBar />}>
      {work.error === null ? null : <ProblemBox error={work.error} />}
      <div className="desk">
        <Preview document={data.document} hasKeys onReady={onReady} />
        <div className="desk-side">
          <DocumentFacts document={data.document} />
          <Decide work={work} isInSight={isInSight} {...data} />
        </div>
        <FirmAside document={data.document} />
      </div>
      <LoadNext current={data.document} />
    </PageFrame>
  )
}

/** The version that can be decided on. */
function nameOf(desk: Desk | undefined): string | undefined {
  return desk === undefined || desk.kind === 'taken' ? undefined : versionName(desk.document)
}

/** The type of the document, and its firm: both must be clear before a key is pressed. */
function titleOf(types: DocumentType[] | undefined, firm: string | undefined, document: StoredDocument): string {
  const { document_type: code } = document
  const name = findType(types, code)?.name ?? code
  return firm === undefined ? name : `${name} · ${firm}`
}

type DecideProps = {
  work: Work
  isInSight: boolean
  kind: 'claimed' | 'decided'
  document: StoredDocument
  tag: string
}

/** The decision, or what happened to the document while it was read. */
function Decide({ work, isInSight, kind, document, tag }: DecideProps) {
  const { review: texts } = useTexts()
  const place = { firmId: document.firm_id, documentId: document.id }
  const news = useStillMine(place, kind === 'claimed' ? tag : undefined)
  if (news === undefined)
    return (
      <DecisionPanel
        key={`${document.id} ${tag}`}
        document={document}
        tag={tag}
        isDecided={kind === 'decided'}
        isInSight={isInSight}
        onDecided={work.goOn}
        actions={
          <>
            <NextButton work={work} label={kind === 'claimed' ? texts.skip : texts.next} />
            {kind === 'claimed' ? (
              <Button variant="default" loading={work.isReleasing} disabled={work.isWorking} onClick={work.putBack}>
                {texts.putBack}
              </Button>
            ) : null}
          </>
        }
      />
    )
  return (
    <div className="box box-warn" role="alert">
      <h2>{news === 'changed' ? texts.changedTitle : texts.takenTitle}</h2>
      <p>{news === 'changed' ? texts.changed : texts.lost}</p>
      <span className="actions">
        <Button onClick={() => void queryClient.resetQueries({ queryKey: deskQuery(place).queryKey })}>
          {texts.showAgain}
        </Button>
        <NextButton work={work} />
      </span>
    </div>
  )
}

type Work = ReturnType<typeof useWork>

function NextButton({ work, label }: { work: Work; label?: string }) {
  const { review: texts } = useTexts()
  return (
    <Button
      variant="default"
      aria-keyshortcuts="n"
      loading={work.isFinding}
      disabled={work.isWorking}
      onClick={work.next}
    >
      {label ?? texts.next} <kbd aria-hidden="true">n</kbd>
    </Button>
  )
}

/** `at`: the address from which the next document was asked for. */
type Asked = { after: 'decision' | 'key'; at: string }

/** Going on to the next document, putting this one back, and deciding on the last one again. */
function useWork(place: Place) {
  const { review: texts } = useTexts()
  const navigate = useNavigate()
  const notify = useNotify()
  const [parameters] = useSearchParams()
  const type = parameters.get('type') ?? ''
  const undo = useUndo()
  const finding = useMutation({
    mutationKey: workKey,
    mutationFn: async (_asked: Asked) => {
      await lookIsOver()
      return await claimNext({ type, currentId: place.documentId })
    },
    onSuccess: (next, { after, at }) => {
      if (location.pathname !== at) return leaveUnopened(next)
      if (next !== undefined) return navigate(addressOf(next, type))
      // After a decision the notice about it stays, with its undo.
      if (after === 'key') notify(texts.noMore)
      return navigate('/review')
    },
  })
  const releasing = useMutation({
    mutationKey: workKey,
    mutationFn: async (_at: string) => {
      await lookIsOver()
      await release(place.documentId)
    },
    onSuccess: (_, at) => {
      notify(texts.putBackNotice)
      return location.pathname === at ? navigate('/review') : undefined
    },
  })
  return {
    next: () => {
      if (isWorking()) return
      skip(place.documentId)
      finding.mutate({ after: 'key', at: location.pathname })
    },
    goOn: () => finding.mutate({ after: 'decision', at: location.pathname }),
    undo: () => {
      if (!isWorking()) void undo()
    },
    putBack: () => {
      if (!isWorking()) releasing.mutate(location.pathname)
    },
    isWorking: useIsWorking(),
    isFinding: finding.isPending,
    isReleasing: releasing.isPending,
    error: finding.error ?? releasing.error,
  }
}

/** The list is loaded again before its end, because it has the first documents only. */
const fewLeft = 5

/** Loads the next document while this one is read. */
function LoadNext({ current }: { current: StoredDocument }) {
  const [parameters] = useSearchParams()
  const type = parameters.get('type') ?? ''
  const { data: queue } = useQuery({ ...queueQuery(type), staleTime: Infinity })
  const next = queue === undefined ? undefined : inOrder(queue, current.id)[0]?.document
  useEffect(() => {
    if (next === undefined) return
    void queryClient.prefetchQuery(firmQuery(next.firm_id))
    void queryClient.prefetchQuery(checklistQuery(next.firm_id))
  }, [next])
  useEffect(() => {
    const list = queryClient.getQueryData(queueQuery(type).queryKey)
    if (list !== undefined && countLeft(list, current.id) < fewLeft)
      void queryClient.refetchQueries({ queryKey: queueQuery(type).queryKey })
  }, [current.id, type])
  return next !== undefined && canPreview(next) ? <LoadAhead document={next} /> : null
}

/** In use, so that the file stays in memory however long the current document is read. */
function LoadAhead({ document }: { document: StoredDocument }) {
  useQuery(previewQuery(document))
  return null
}

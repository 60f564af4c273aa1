import { Button } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearchParams } from 'react-router'

import { selfQuery, typesQuery, useTypeName } from '../api/queries.ts'
import { useNotify } from '../app/notices.tsx'
import { Empty, PageFrame } from '../app/page-frame.tsx'
import { Choice } from '../parts/choice.tsx'
import { ProblemBox } from '../parts/problem-box.tsx'
import { useShortcuts } from '../parts/shortcuts.ts'
import { Given, useFormats, useTexts } from '../texts/texts.tsx'
import { addressOf, claimNext, isSkipped, isWorking, leaveUnopened, useUndo, workKey } from './next-document.ts'
import { ReviewBar } from './review-bar.tsx'
import { queueQuery, summaryQuery, type Waiting } from './review-queries.ts'

/** What waits for a decision, oldest first, and the day so far. The filter is in the address. */
export function QueueView() {
  const { review: texts, documents } = useTexts()
  const [parameters, setParameters] = useSearchParams()
  const type = parameters.get('type') ?? ''
  const queue = useQuery(queueQuery(type))
  const types = useQuery(typesQuery)
  const start = useStart(type)
  const choices = (types.data ?? []).map(({ code, name }) => ({ value: code, label: name, isGiven: true }))
  return (
    <PageFrame title={texts.title} above={<ReviewBar />}>
      <Summary type={type} />
      {start.error === null ? null : <ProblemBox error={start.error} />}
      <div className="filters">
        <Button
          size="md"
          aria-keyshortcuts="n"
          loading={start.isPending}
          onClick={() => start.mutate(location.pathname)}
        >
          {texts.start} <kbd aria-hidden="true">n</kbd>
        </Button>
        <Choice
          label={documents.type}
          value={type}
          onChange={(value) => setParameters(value === '' ? {} : { type: value }, { replace: true })}
          choices={[{ value: '', label: documents.allTypes }, ...choices]}
        />
      </div>
      {queue.error === null ? null : <ProblemBox error={queue.error} retry={() => void queue.refetch()} />}
      {queue.data?.length === 0 ? <Empty title={texts.empty} help={texts.emptyHelp} tone="good" /> : null}
      <ol className="cards">
        {queue.data?.map((waiting) => (
          <Row key={waiting.document.id} waiting={waiting} type={type} />
        ))}
      </ol>
      <MoreWait shown={queue.data?.length ?? 0} type={type} />
    </PageFrame>
  )
}

/** The list has the first documents only. */
function MoreWait({ shown, type }: { shown: number; type: string }) {
  const { review: texts } = useTexts()
  const { data } = useQuery(summaryQuery)
  const ofType = data?.by_type.find(({ document_type: code }) => code === type)?.waiting
  const more = ((type === '' ? data?.waiting : ofType) ?? 0) - shown
  return shown === 0 || more <= 0 ? null : <p className="hint">{texts.moreWait(more)}</p>
}

function useStart(type: string) {
  const { review: texts } = useTexts()
  const navigate = useNavigate()
  const notify = useNotify()
  const undo = useUndo()
  const starting = useMutation({
    mutationKey: workKey,
    mutationFn: (_at: string) => claimNext({ type, currentId: '' }),
    onSuccess: (next, at) => {
      if (location.pathname !== at) return leaveUnopened(next)
      return next === undefined ? notify(texts.noMore) : navigate(addressOf(next, type))
    },
  })
  useShortcuts({
    n: () => {
      if (!isWorking()) starting.mutate(location.pathname)
    },
    u: () => {
      if (!isWorking()) void undo()
    },
  })
  return starting
}

/** Of all types, or of the chosen one. */
function Summary({ type }: { type: string }) {
  const { review: texts } = useTexts()
  const formats = useFormats()
  const { data } = useQuery(summaryQuery)
  if (data === undefined) return null
  const { decided_today: today } = data
  const nothing = { waiting: 0, oldest_waiting_seconds: null }
  const ofType = data.by_type.find(({ document_type: code }) => code === type) ?? nothing
  const { waiting, oldest_waiting_seconds: oldest } = type === '' ? data : ofType
  const figures: [string, string | number][] = [
    [texts.waiting, waiting],
    ...(oldest === null ? [] : [[texts.oldest, formats.duration(oldest)] satisfies [string, string]]),
    [texts.acceptedToday, today.verified],
    [texts.rejectedToday, today.rejected],
  ]
  return (
    <dl className="figures">
      {figures.map(([name, figure]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{figure}</dd>
        </div>
      ))}
    </dl>
  )
}

function Row({ waiting, type }: { waiting: Waiting; type: string }) {
  const { review: texts } = useTexts()
  const formats = useFormats()
  const { data: self } = useQuery(selfQuery)
  const { document, firm_name: firmName, claimed_by: claimant } = waiting
  const typeName = useTypeName(document.document_type)
  return (
    <li className="card">
      <div className="card-head">
        <Link to={addressOf({ firmId: document.firm_id, documentId: document.id }, type)} className="card-title tap">
          <Given>{typeName}</Given>
        </Link>
        <span className="actions">
          {isSkipped(document.id) ? <span className="badge badge-plain">{texts.skipped}</span> : null}
          {claimant === null ? null : (
            <span className="badge badge-plain">
              {claimant.id === self?.id ? texts.yours : <Given>{claimant.name}</Given>}
            </span>
          )}
        </span>
      </div>
      <p className="card-line">
        <Given>{firmName}</Given> · <Given>{document.file_name}</Given> ·{' '}
        {texts.waitsFor(formats.duration(waiting.waiting_seconds))}
      </p>
    </li>
  )
}

import { queryOptions, useQuery } from '@tanstack/react-query'
import { useCallback, useMemo } from 'react'
import { useSearchParams } from 'react-router'

import { api } from '../../api/client.ts'
import type { Schemas } from '../../api/openapi.d.ts'
import { dataOf } from '../../api/problem.ts'
import { Empty, Loading } from '../../app/page-frame.tsx'
import { Choice } from '../../parts/choice.tsx'
import { ProblemBox } from '../../parts/problem-box.tsx'
import { useFormats, useTexts } from '../../texts/texts.tsx'
import { OperatorFrame } from '../operator-frame.tsx'
import { Chart } from './chart.tsx'
import { type Span, spansOf } from './history-series.ts'

const refreshMs = 5 * 60_000

const historyQuery = queryOptions({
  queryKey: ['operator', 'history'],
  queryFn: () => dataOf(api.GET('/api/v1/admin/history')),
  refetchInterval: refreshMs,
})

const choices = ['1', '7', '30'] as const

/** Uploads, errors, fallback and storage over time. The number of days is in the address. */
export function HistoryView() {
  const { history: texts } = useTexts().operator
  const [parameters, setParameters] = useSearchParams()
  const days = choices.find((each) => each === parameters.get('days')) ?? '7'
  const history = useQuery(historyQuery)
  if (history.data === undefined && history.error === null) return <Loading />
  return (
    <OperatorFrame title={texts.title}>
      {history.error === null ? null : <ProblemBox error={history.error} retry={() => void history.refetch()} />}
      <div className="filters">
        <Choice
          label={texts.range}
          value={days}
          onChange={(value) => setParameters({ days: value }, { replace: true })}
          choices={choices.map((each) => ({ value: each, label: texts.ranges[each] }))}
        />
      </div>
      {history.data === undefined ? null : <Figures hours={history.data.hours} days={Number(days)} />}
    </OperatorFrame>
  )
}

type FiguresProps = { hours: Schemas['History']['hours']; days: number }

function Figures({ hours, days }: FiguresProps) {
  const { history: texts } = useTexts().operator
  const spans = useMemo(() => spansOf(hours, days), [hours, days])
  const formatTime = useSpanTime(days > 7)
  if (spans.length === 0) return <Empty title={texts.none} help={texts.noneHelp} />
  return (
    <>
      <div className="operator-figures">
        <Charts spans={spans} formatTime={formatTime} />
      </div>
      <details className="operator-details">
        <summary>{texts.asTable}</summary>
        <FiguresTable spans={spans} formatTime={formatTime} />
      </details>
    </>
  )
}

function useSpanTime(isDaily: boolean): (seconds: number) => string {
  const formats = useFormats()
  return useCallback(
    (seconds) => {
      const time = new Date(seconds * 1000)
      return isDaily ? formats.shortDate(time) : formats.shortDateTime(time)
    },
    [isDaily, formats],
  )
}

type Timed = { spans: Span[]; formatTime: (seconds: number) => string }

function Charts({ spans, formatTime }: Timed) {
  const { history: texts } = useTexts().operator
  const { number, bytes } = useFormats()
  const sum = (name: 'uploads' | 'upload_bytes' | 'errors') => spans.reduce((all, span) => all + span[name], 0)
  const stored = spans.findLast((span) => span.stored_bytes !== null)?.stored_bytes
  const charts = [
    {
      name: 'uploads',
      title: texts.uploads,
      sum: texts.uploadsSum(number(sum('uploads')), bytes(sum('upload_bytes'))),
      colour: '--mantine-color-anchor',
      format: number,
    },
    {
      name: 'errors',
      title: texts.errors,
      sum: texts.errorsSum(number(sum('errors'))),
      colour: '--bad-text',
      format: number,
    },
    {
      name: 'stored_bytes',
      title: texts.storage,
      sum: stored == null ? texts.notMeasured : texts.storageNow(bytes(stored)),
      colour: '--wait-text',
      format: bytes,
    },
    {
      name: 'fallback_files',
      title: texts.fallback,
      sum: texts.fallbackMost(number(Math.max(...spans.map((span) => span.fallback_files)))),
      colour: '--warn-text',
      format: number,
    },
  ] as const
  return charts.map((chart) => <OneChart key={chart.name} {...chart} spans={spans} formatTime={formatTime} />)
}

type OneProps = Timed & {
  name: 'uploads' | 'errors' | 'stored_bytes' | 'fallback_files'
  title: string
  sum: string
  colour: string
  format: (value: number) => string
}

function OneChart({ spans, name, title, sum, ...others }: OneProps) {
  const times = useMemo(() => spans.map(({ time }) => time), [spans])
  const values = useMemo(() => spans.map((span) => span[name]), [spans, name])
  return (
    <section className="card operator-figure">
      <h2>{title}</h2>
      <p>{sum}</p>
      <Chart
        {...others}
        kind={name === 'stored_bytes' ? 'line' : 'bars'}
        label={`${title}: ${sum}`}
        times={times}
        values={values}
      />
    </section>
  )
}

/** Newest first. */
function FiguresTable({ spans, formatTime }: Timed) {
  const { history: texts } = useTexts().operator
  const { number, bytes } = useFormats()
  const columns = [texts.uploads, texts.size, texts.errors, texts.storage, texts.fallback]
  return (
    <div className="operator-table" tabIndex={0} role="region" aria-label={texts.asTable}>
      <table>
        <thead>
          <tr>
            <th scope="col">{texts.time}</th>
            {columns.map((name) => (
              <th key={name} scope="col" className="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {spans.toReversed().map((span) => (
            <tr key={span.time}>
              <th scope="row">{formatTime(span.time)}</th>
              <td className="number">{number(span.uploads)}</td>
              <td className="number">{bytes(span.upload_bytes)}</td>
              <td className="number">{number(span.errors)}</td>
              <td className="number">{span.stored_bytes === null ? '–' : bytes(span.stored_bytes)}</td>
              <td className="number">{number(span.fallback_files)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

import { useEffect, useRef, useState } from 'react'
import UPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

import { useTexts } from '../../texts/texts.tsx'

export type ChartData = {
  /** Beginnings, in seconds since 1970. */
  times: number[]
  /** Null: nothing was measured. */
  values: (number | null)[]
}

type Props = ChartData & {
  /** What it shows and its sum: screen readers read this, and the table below has the numbers. */
  label: string
  kind: 'bars' | 'line'
  /** A variable of theme.ts. */
  colour: string
  format: (value: number) => string
  formatTime: (seconds: number) => string
}

const height = 200

/** Draws on a canvas. Everything around it is text, and the numbers are in a table too. */
export function Chart(props: Props) {
  const { history: texts } = useTexts().operator
  const place = useRef<HTMLDivElement>(null)
  const [at, setAt] = useState<number | null>(null)
  const isDark = useIsDark()
  const { times, values, kind, colour, format, formatTime } = props

  useEffect(() => {
    const element = place.current
    if (element === null) return undefined
    const options = optionsOf({
      kind,
      format,
      formatTime,
      colour: colourOf(colour),
      width: element.clientWidth,
      lastTime: times.at(-1) ?? 0,
      setAt,
    })
    const plot = new UPlot(options, [times, values], element)
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }))
    observer.observe(element)
    return () => {
      observer.disconnect()
      plot.destroy()
    }
  }, [times, values, kind, colour, format, formatTime, isDark])

  const time = at === null ? undefined : times[at]
  const value = at === null ? undefined : values[at]
  return (
    <figure className="operator-chart">
      <div ref={place} role="img" aria-label={props.label} />
      <figcaption className="card-line" aria-hidden="true">
        {time === undefined || value === undefined || value === null
          ? texts.pointHint
          : texts.point(formatTime(time), format(value))}
      </figcaption>
    </figure>
  )
}

type Wish = Pick<Props, 'kind' | 'format' | 'formatTime'> & {
  colour: string
  width: number
  lastTime: number
  setAt: (index: number | null) => void
}

function optionsOf({ kind, format, formatTime, colour, width, lastTime, setAt }: Wish): UPlot.Options {
  const axis = { stroke: colourOf('--mantine-color-dimmed'), font: axisFont }
  const grid = { stroke: colourOf('--line'), width: 1 }
  const bars = UPlot.paths.bars?.({ size: [0.7, 60] })
  return {
    width,
    height,
    // Half of the last time, which is centred at the end of the axis.
    padding: [null, widthOf([formatTime(lastTime)]) / 2 + 4, null, null],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { show: kind === 'line' } },
    tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1000), 'Africa/Johannesburg'),
    scales: { x: { range: padded }, y: { range: (_plot, _min, max) => [0, Math.max(max * 1.1, 1)] } },
    axes: [
      { ...axis, grid: { show: false }, ticks: grid, space: 120, values: (_plot, splits) => splits.map(formatTime) },
      {
        ...axis,
        grid,
        ticks: { show: false },
        size: (_plot, labels) => widthOf(labels ?? []) + 16,
        incrs: increments,
        values: (_plot, splits) => splits.map(format),
      },
    ],
    series: [
      {},
      {
        stroke: colour,
        fill: `${colour}${kind === 'bars' ? '' : '22'}`,
        width: kind === 'bars' ? 0 : 2,
        points: { show: false },
        ...(kind === 'bars' && bars !== undefined ? { paths: bars } : {}),
      },
    ],
    hooks: { setCursor: [(plot) => setAt(plot.cursor.idx ?? null)] },
  }
}

const axisFont = '13px system-ui, sans-serif'

/** Pixels of the widest of these labels of an axis. */
function widthOf(labels: readonly (string | null)[]): number {
  const ruler = document.createElement('canvas').getContext('2d')
  if (ruler === null) return 0
  ruler.font = axisFont
  return Math.ceil(Math.max(0, ...labels.map((label) => ruler.measureText(label ?? '').width)))
}

/** Powers of two above 1,000, since sizes have units of 1,024. */
const increments = [1, 2, 5, 10, 20, 50, 100, 200, 500, ...Array.from({ length: 40 }, (_, at) => 2 ** (at + 10))]

/** Room for half of the first and of the last bar. */
function padded(plot: UPlot, min: number, max: number): [number, number] {
  const half = (max - min) / Math.max(2, 2 * ((plot.data[0]?.length ?? 1) - 1))
  return [min - half, max + half]
}

/** A canvas knows no variables of CSS. */
function colourOf(variable: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(variable).trim()
}

function useIsDark(): boolean {
  const [isDark, setDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches)
  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)')
    const change = () => setDark(query.matches)
    query.addEventListener('change', change)
    return () => query.removeEventListener('change', change)
  }, [])
  return isDark
}

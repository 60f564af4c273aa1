import type { Metrics } from '../../src/metrics/metrics.ts'
import { groupingsOf, type Matcher, type Selector, selectorsOf } from './selectors-of.ts'

/** Labels and series that Prometheus itself adds. */
const ofPrometheus = { labels: ['job', 'instance'], metrics: new Map([['up', [] as readonly string[]]]) }

export type Known = {
  labelsByMetric: ReadonlyMap<string, readonly string[]>
  /** The text of /metrics of a running service. */
  text: string
  /** Pages that list values which occur only after failures. */
  pages: string
}

/** The series of the service, by their PromQL names. */
export function knownSeries(metrics: Metrics, text: string): ReadonlyMap<string, readonly string[]> {
  // The registry has neither; its metrics are listed too.
  const made = Object.values(metrics) as { name?: string; labelNames?: readonly string[] }[]
  const labelsByName = new Map(made.map(({ name, labelNames }) => [name, labelNames ?? []]))
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)]
  const series = types.flatMap(([, name = '', type]): [string, readonly string[]][] => {
    const labels = labelsByName.get(name) ?? []
    if (type !== 'histogram') return [[name, labels]]
    return [
      [`${name}_bucket`, [...labels, 'le']],
      [`${name}_sum`, labels],
      [`${name}_count`, labels],
    ]
  })
  return new Map([...series, ...ofPrometheus.metrics])
}

/** All metrics, labels and values of an expression that no running service has. */
export function findUnknown(expression: string, known: Known): string[] {
  const selectors = selectorsOf(expression)
  const ofMetrics = selectors.flatMap((selector) => unknownOf(selector, known))
  const labels = new Set(selectors.flatMap(({ metric }) => known.labelsByMetric.get(metric) ?? []))
  const groupings = groupingsOf(expression).filter(
    (label) => !labels.has(label) && !ofPrometheus.labels.includes(label),
  )
  return [...ofMetrics, ...groupings.map((label) => `by ${label}`)]
}

function unknownOf({ metric, matchers }: Selector, known: Known): string[] {
  const labels = known.labelsByMetric.get(metric)
  if (labels === undefined) return [metric]
  if (!matchers.some(({ label, value }) => label === 'job' && value === 'paniq-documents'))
    return [`${metric} of any job`]
  return matchers
    .filter(({ label }) => !ofPrometheus.labels.includes(label))
    .filter((matcher) => !labels.includes(matcher.label) || !isTaken(matcher, known))
    .map(({ label, value }) => `${metric}{${label}: ${value}}`)
}

/** Whether a series of the service has such a value, or a page names it. */
function isTaken({ label, operator, value }: Matcher, { text, pages }: Known): boolean {
  const isPattern = operator.endsWith('~')
  const wanted = new RegExp(`^(?:${isPattern ? value : value.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)})$`)
  const inText = [...text.matchAll(new RegExp(`[{,]${label}="([^"]*)"`, 'g'))].map(([, each = '']) => each)
  const inPages = [...pages.matchAll(/`([^`]+)`/g)].map(([, each = '']) => each)
  return [...inText, ...inPages].some((each) => wanted.test(each))
}

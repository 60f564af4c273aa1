import type { Metrics } from '../../src/metrics/metrics.ts'
import { groupingsOf, type Matcher, type Selector, selectorsOf } from './selectors-of.ts'

/** What Prometheus itself adds to each series, or makes. */
const ofPrometheus = { labels: ['job', 'instance'], metrics: new Map([['up', [] as readonly string[]]]) }

export type Known = {
  labelsByMetric: ReadonlyMap<string, readonly string[]>
  /** What /metrics of a running service says. */
  text: string
  /** Where values that come only with trouble stand. */
  pages: string
}

/** The series that a service has, by the names that PromQL knows them by. */
export function knownSeries(metrics: Metrics, text: string): ReadonlyMap<string, readonly string[]> {
  // The registry, which has neither, stands among them.
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

/** Everything in an expression that no running service has: metrics, labels, and values that none of them takes. */
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

/** Some series of the service has such a value, or a page tells of it. */
function isTaken({ label, operator, value }: Matcher, { text, pages }: Known): boolean {
  const isPattern = operator.endsWith('~')
  const wanted = new RegExp(`^(?:${isPattern ? value : value.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)})$`)
  const inText = [...text.matchAll(new RegExp(`[{,]${label}="([^"]*)"`, 'g'))].map(([, each = '']) => each)
  const inPages = [...pages.matchAll(/`([^`]+)`/g)].map(([, each = '']) => each)
  return [...inText, ...inPages].some((each) => wanted.test(each))
}

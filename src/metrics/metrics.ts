import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

import packageJson from '../../package.json' with { type: 'json' }
import { counters, histograms } from './counters.ts'
import { gauges } from './gauges.ts'

/** For the default metrics of prom-client. The definitions spell the prefix out, so that a search finds their names. */
const prefix = 'paniq_documents_'

type Definition = {
  name: string
  help: string
  labelNames?: readonly string[]
  buckets?: number[]
  zeros?: readonly Record<string, string>[]
}
type LabelOf<Defined> = Defined extends { labelNames: readonly (infer Label extends string)[] } ? Label : string

type Gauges = { [Name in keyof typeof gauges]: Gauge<LabelOf<(typeof gauges)[Name]>> }
type Counters = { [Name in keyof typeof counters]: Counter<LabelOf<(typeof counters)[Name]>> }
type Histograms = { [Name in keyof typeof histograms]: Histogram<LabelOf<(typeof histograms)[Name]>> }

export type Metrics = { registry: Registry } & Gauges & Counters & Histograms

/**
 * Creates every metric of the service in a registry of its own. Labels come from closed lists (a route's pattern, a
 * store's name, an outcome), never from a request: the number of series stays small and nothing private is in them.
 */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry, prefix })
  // promtool rejects these gauges: their names end as those of counters do.
  for (const kind of ['handles', 'requests', 'resources'])
    registry.removeSingleMetric(`${prefix}nodejs_active_${kind}_total`)

  // Object.fromEntries cannot express that each metric has the name of its definition.
  const metrics = {
    registry,
    ...(createEach(
      gauges,
      ({ name, help, labelNames = [] }) => new Gauge({ name, help, labelNames, registers }),
    ) as Gauges),
    ...(createEach(counters, ({ zeros = [], ...counter }) =>
      startAtZero(new Counter({ ...counter, registers }), zeros),
    ) as Counters),
    ...(createEach(histograms, (histogram) => new Histogram({ ...histogram, registers })) as Histograms),
  }
  metrics.build.set({ version: packageJson.version, node: process.versions.node }, 1)
  return metrics
}

function createEach(definitions: Record<string, Definition>, create: (definition: Definition) => unknown) {
  return Object.fromEntries(Object.entries(definitions).map(([name, definition]) => [name, create(definition)]))
}

/** Creates the series as 0: a series that first appears as 1 has not risen, and no alert fires. */
export function startAtZero<Label extends string>(
  counter: Counter<Label>,
  all: readonly Partial<Record<Label, string>>[],
): Counter<Label> {
  for (const labels of all) counter.inc(labels, 0)
  return counter
}

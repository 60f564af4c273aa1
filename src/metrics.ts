import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'

import packageJson from '../package.json' with { type: 'json' }
import { makeDatabaseMetrics } from './metrics-database.ts'
import { makeLimitMetrics } from './metrics-limits.ts'
import { makeRequestMetrics } from './metrics-requests.ts'
import { makeScanMetrics } from './metrics-scans.ts'
import { makeStoreMetrics } from './metrics-stores.ts'
import { makeWorkMetrics } from './metrics-work.ts'

export type Metrics = ReturnType<typeof makeMetrics>

/**
 * Everything that the service counts, in a registry of its own. Labels come from closed lists (a route's pattern, a
 * store's name, an outcome), never from what a person sent, so that their number stays small and nothing private is in them.
 */
export function makeMetrics() {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  // Named as counters are, and are none: whatever checks names stumbles over them.
  for (const kind of ['handles', 'requests', 'resources']) registry.removeSingleMetric(`nodejs_active_${kind}_total`)

  return {
    registry,
    build: makeBuild(registers),
    ...makeRequestMetrics(registers),
    ...makeLimitMetrics(registers),
    ...makeStoreMetrics(registers),
    ...makeScanMetrics(registers),
    ...makeWorkMetrics(registers),
    ...makeDatabaseMetrics(registers),
  }
}

function makeBuild(registers: Registry[]) {
  const build = new Gauge({
    name: 'paniq_documents_build_info',
    help: 'Always 1; its labels say which version runs, and on which Node.',
    labelNames: ['version', 'node'] as const,
    registers,
  })
  build.set({ version: packageJson.version, node: process.versions.node }, 1)
  return build
}

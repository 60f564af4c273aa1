import { type BehindProxies, openBehindProxies } from '../service/open-behind-proxies.ts'
import { sceneOfFile } from '../service/scene-of-file.ts'
import { startTraceCollector, type TraceCollector } from './trace-collector.ts'

export type TracedService = BehindProxies & { collector: TraceCollector }

/** A service behind proxies that sends its traces to a collector ten times a second, for the tests of a file. */
export function tracedService(settings: Record<string, string>): TracedService {
  return sceneOfFile(async (closing) => {
    const collector = await startTraceCollector()
    closing.defer(() => collector.close())
    const traces = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '100' }
    return { collector, ...(await openBehindProxies(closing, { ...traces, ...settings })) }
  })
}

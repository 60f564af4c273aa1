import type { SpanExporter } from '@opentelemetry/sdk-trace'
import type { Logger } from 'pino'

/** The same exporter, which tells once when spans cannot be sent any more, and once when they can again. */
export function tellingExporter(exporter: SpanExporter, log: Pick<Logger, 'warn' | 'info'>): SpanExporter {
  let isSending = true
  const tell = (isSent: boolean, err: unknown) => {
    if (isSent === isSending) return
    isSending = isSent
    if (isSent) log.info({ event: 'traces_sent_again' }, 'the collector of traces takes spans again')
    else
      log.warn({ event: 'traces_not_sent', err }, 'the collector of traces does not take spans; they are thrown away')
  }
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        tell(result.error === undefined, result.error)
        done(result)
      }),
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  }
}

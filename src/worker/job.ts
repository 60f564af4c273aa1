import type { HeadKeeper } from '../audit/head-keeper.ts'
import type { PurgeDailyNeeds } from '../documents/purge/purge-daily.ts'
import type { ScanStoredNeeds } from '../documents/scanning/scan-stored.ts'
import type { VerifyNeeds } from '../documents/verifying/verification.ts'
import type { Tracing } from '../logger-trace.ts'
import type { Metrics } from '../metrics.ts'

/** What all jobs together need. */
export type JobNeeds = VerifyNeeds &
  ScanStoredNeeds &
  PurgeDailyNeeds & {
    metrics: Pick<Metrics, 'jobSeconds'>
    /** Which process this is. */
    instance: string
    tracing: Tracing | undefined
    /** Undefined: nobody keeps heads of the audit trail. */
    heads: HeadKeeper | undefined
  }

/** One kind of background work. It may run twice, and is written so that the second run finds nothing to do. */
export type Job = {
  name: string
  /** In a sentence, for whoever looks after the service. */
  does: string
  /** When it is due, as a cron line in UTC. Beside that it is due at every start, unless `isDueAtStart` is false. */
  schedule: string
  isDueAtStart?: boolean
  /** How long it may take; a quarter of an hour unless it says so. */
  mostSeconds?: number
  /** Does the work and says what it did, for the log. The signal aborts when the time for it is over, or the worker is told to end. */
  run(needs: JobNeeds, signal: AbortSignal): Promise<Record<string, unknown>>
}

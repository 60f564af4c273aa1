import type { Logger } from 'pino'

import type { Db } from '../database/client.ts'
import type { Clock } from '../vocabulary.ts'

export type JobNeeds = { db: Db; log: Logger; now: Clock }

/** One kind of background work. It may run twice, and is written so that the second run finds nothing to do. */
export type Job = {
  name: string
  /** When it is due, as a cron line in UTC. Beside that it is due at every start. */
  schedule: string
  /** Does the work and says what it did, for the log. The signal aborts when the time for it is over. */
  run(needs: JobNeeds, signal: AbortSignal): Promise<Record<string, unknown>>
}

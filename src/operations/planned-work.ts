import type { Db } from '../database/client.ts'

/** Work that is done again and again behind people's backs, as it is planned. What came of it stands in the database. */
export type PlannedWork = PlannedJob | PlannedTask | OutsideWork

type Named = {
  name: string
  /** What it does, in a sentence for whoever looks after the service. */
  does: string
}

/** Done by whichever instance takes it from the queue, one at a time. `schedule` is a cron line in UTC. */
export type PlannedJob = Named & { by: 'one_instance'; schedule: string }

/** Done by each instance for its own disk. */
export type PlannedTask = Named & { by: 'each_disk'; everySeconds: number }

/** Begun by somebody outside, by hand or by their cron, and recorded in a table of its own. */
export type OutsideWork = Named & {
  by: 'outside'
  /** Unset: nobody promised to do it, and so it is never late. */
  dueEverySeconds?: number
  /** Undefined before the first. */
  findLast(db: Db): Promise<OutsideRun | undefined>
}

export type OutsideRun = {
  startedAt?: Date
  endedAt: Date
  outcome: 'ok' | 'failed'
  error?: string
  did: Record<string, unknown>
}

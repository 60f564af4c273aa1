import { randomUUID } from 'node:crypto'

import { type EventActor, systemActor } from '../database/events.ts'
import { logContext } from '../logger-context.ts'

/** Who acts in the job that runs: the system, under that job's id. */
export function jobActor(): EventActor {
  return systemActor(logContext().job_id ?? randomUUID())
}

import { createEventMonths } from '../database/event-months.ts'
import { forgetOldAnswers } from '../database/idempotency.ts'
import { removeFailuresBefore } from '../database/login-failures.ts'
import { removeFullBuckets } from '../database/rates.ts'
import { readClock } from '../database/read-clock.ts'
import { forgetDisksBefore } from '../database/runs.ts'
import { removeExpiredSessions } from '../database/sessions.ts'
import type { Job } from './job.ts'

const daysOfAnswers = 7 // the contract's promise for an Idempotency-Key
const daysOfFailures = 1 // a lockout lasts 15 minutes
const daysOfDisks = 7 // somebody may still wonder what became of one

/** Makes room for the next events and throws away what counts no longer. */
export const housekeeping: Job = {
  name: 'housekeeping',
  does: 'Makes room for the audit trail’s next months, and throws away answers, sessions and counts that are past their time.',
  schedule: '17 3 * * *',
  async run({ db, log }) {
    const now = await readClock(db)
    // First, since without a month events fall into the default partition.
    for (const { month, error } of await createEventMonths(db))
      log.warn({ event: 'event_month_missing', month, err: error }, 'partition of the audit trail not created')
    const forgottenAnswers = await forgetOldAnswers(db, daysBefore(now(), daysOfAnswers))
    await removeExpiredSessions(db, now())
    await removeFullBuckets(db)
    await removeFailuresBefore(db, daysBefore(now(), daysOfFailures))
    await forgetDisksBefore(db, daysBefore(now(), daysOfDisks))
    return { forgotten_answers: forgottenAnswers }
  },
}

function daysBefore(date: Date, days: number): Date {
  return new Date(date.getTime() - days * 24 * 60 * 60 * 1000)
}

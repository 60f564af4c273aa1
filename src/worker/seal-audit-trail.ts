import { sealTrail } from '../audit/seal-trail.ts'
import type { Job } from './job.ts'

/** Chains what is final in the audit trail. */
export const sealAuditTrail: Job = {
  name: 'seal-audit-trail',
  does: 'Seals the audit trail’s newest events, so that a change of them is found.',
  schedule: '*/5 * * * *',
  async run({ db }, signal) {
    return sealTrail({ db, signal })
  },
}

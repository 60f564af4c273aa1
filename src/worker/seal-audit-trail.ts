import { sealTrail } from '../audit/seal-trail.ts'
import type { Job } from './job.ts'

/** Chains what is final in the audit trail. */
export const sealAuditTrail: Job = {
  name: 'seal-audit-trail',
  schedule: '*/5 * * * *',
  async run({ db }, signal) {
    return sealTrail({ db, signal })
  },
}

import { sumUpUsage } from '../database/quotas.ts'
import type { Job } from './job.ts'

/** Keeps short what has to be added up to know how much a firm keeps. */
export const sumUpFirms: Job = {
  name: 'sum-up-firms',
  does: 'Adds up how much each firm keeps.',
  schedule: '*/5 * * * *',
  async run({ db }) {
    return { changes: await sumUpUsage(db) }
  },
}

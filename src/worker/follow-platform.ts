import { comparePlatform, followNoted } from '../database/follow-platform.ts'
import type { Job } from './job.ts'

/** Goes on with the comparison that a first start began, and takes up what the triggers had to leave. */
export const followPlatform: Job = {
  name: 'follow-platform',
  does: 'Makes documents follow what the platform wrote to its tables and its triggers had to leave.',
  schedule: '*/5 * * * *',
  mostSeconds: 60 * 60,
  async run({ db }, signal) {
    const noted = await followNoted(db, () => signal.aborted)
    const compared = await comparePlatform(db, () => signal.aborted)
    return { noted, compared }
  },
}

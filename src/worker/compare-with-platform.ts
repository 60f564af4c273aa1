import { comparePlatform, comparePlatformAnew } from '../database/follow-platform.ts'
import type { Job } from './job.ts'

/** Compares all that the platform wrote with what stands here, every day: its triggers may have been off, as in a restore. */
export const compareWithPlatform: Job = {
  name: 'compare-with-platform',
  does: 'Compares everything that the platform wrote with what stands here.',
  schedule: '7 2 * * *',
  isDueAtStart: false,
  mostSeconds: 60 * 60,
  async run({ db }, signal) {
    await comparePlatformAnew(db)
    return { compared: await comparePlatform(db, () => signal.aborted) }
  },
}

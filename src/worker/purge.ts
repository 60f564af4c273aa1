import { readClock } from '../database/read-clock.ts'
import { purgeDaily } from '../documents/purge/purge-daily.ts'
import { jobActor } from './job-actor.ts'
import type { Job } from './job.ts'

/** Destroys every day what has been in the trash for long enough, by the clock of the database. */
export const purge: Job = {
  name: 'purge',
  does: 'Destroys what has been in the trash for long enough and nothing keeps.',
  schedule: '23 2 * * *',
  mostSeconds: 6 * 60 * 60,
  async run(needs, signal) {
    return purgeDaily({ ...needs, now: await readClock(needs.db) }, jobActor(), signal)
  },
}

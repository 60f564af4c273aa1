import { holdObjects as holdAll } from '../documents/purge/hold-objects.ts'
import type { Job } from './job.ts'

/** Puts the legal holds of the database on objects on S3 too, every five minutes, where the bucket can carry them. */
export const holdObjects: Job = {
  name: 'hold-objects',
  does: 'Puts legal holds on objects on S3 too, where the bucket can carry them.',
  schedule: '*/5 * * * *',
  run: ({ db, stores }, signal) => holdAll({ db, stores }, signal),
}

import { storesHere } from '../documents/stores-here.ts'
import { fillHashes } from '../documents/verifying/fill-hashes.ts'
import { jobActor } from './job-actor.ts'
import type { Job } from './job.ts'

/** Reads the platform's documents on S3 that have no hash yet. Those on disks are read by whoever holds the disk (`tend-disk.ts`). */
export const hashPlatformDocuments: Job = {
  name: 'hash-platform-documents',
  does: 'Reads the platform’s documents on S3 that have no hash yet.',
  schedule: '*/10 * * * *',
  mostSeconds: 6 * 60 * 60,
  async run(needs, signal) {
    const s3 = storesHere(needs.stores).find(({ store }) => store === 's3')
    if (s3 === undefined) return {}
    const { counts } = await fillHashes(needs, jobActor(), {
      here: s3,
      // People's uploads and downloads come first.
      concurrency: 2,
      patienceMs: 60_000,
      signal,
    })
    return counts
  },
}

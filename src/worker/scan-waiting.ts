import { scanStored } from '../documents/scanning/scan-stored.ts'
import { storesHere } from '../documents/stores-here.ts'
import { jobActor } from './job-actor.ts'
import type { Job } from './job.ts'

/** Scans the documents on S3 that wait for it, or whose turn it is again. Those on disks are scanned by whoever holds the disk (`tend-disk.ts`). */
export const scanWaiting: Job = {
  name: 'scan-waiting',
  does: 'Scans documents on S3 that wait for it, and clean ones once more when the scanner knows more.',
  schedule: '* * * * *',
  mostSeconds: 6 * 60 * 60,
  async run(needs, signal) {
    const s3 = storesHere(needs.stores).find(({ store }) => store === 's3')
    if (s3 === undefined) return {}
    return scanStored(needs, jobActor(), s3, signal)
  },
}

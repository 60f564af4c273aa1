import type { Place } from './statements.ts'

/** The bucket and region of `.env.example`; unknown values are in capitals. */
export const examplePlace: Place = {
  bucket: 'paniq-system-dev',
  region: 'af-south-1',
  kmsKey: 'arn:aws:kms:af-south-1:ACCOUNT:key/KEY',
  heads: { bucket: 'paniq-system-dev-evidence', prefix: 'heads/' },
  backups: { bucket: 'paniq-system-dev-backups', prefix: 'paniq/' },
  replica: { bucket: 'paniq-system-dev-replica', role: 'arn:aws:iam::ACCOUNT:role/paniq-replication' },
}

import { createHash } from 'node:crypto'

import type { BackupPlace } from '../storage/backup-place/backup-place.ts'
import type { Sha256 } from '../vocabulary.ts'

export async function writeBytes(place: BackupPlace, name: string, bytes: Buffer): Promise<void> {
  const sha256 = createHash('sha256').update(bytes).digest('hex') as Sha256 // hex of a SHA-256 is what the brand says
  await place.write(name, { bytes, sha256 })
}

import { stringify } from 'csv-stringify/sync'

import type { ArchivedVersion } from '../../database/exports/archive.ts'
import type { Sha256 } from '../../vocabulary/vocabulary.ts'

/** Why a version is not in the archive. */
export type LeftOut = 'not_scanned' | 'infected' | 'missing' | 'corrupt' | 'on_another_instance' | 'deleted_meanwhile'

/** A line of the manifest. `sha256`: of the bytes in the archive. */
export type Listed = { version: ArchivedVersion; path: string; sha256: Sha256 | null; leftOut: LeftOut | null }

const columns = [
  'type',
  'name',
  'version',
  'sha256',
  'review_state',
  'review_reason',
  'uploaded_at',
  'reviewed_at',
  'valid_until',
  'size',
  'original_name',
  'document_id',
  'left_out',
  'in_force',
] as const

/** `manifest.csv`, in parts of bounded size, with what is in force `today`, a day as in 2027-03-31. A cell that a spreadsheet would take for a formula begins with an apostrophe. */
export function createManifest(today: string) {
  const parts: Buffer[] = [Buffer.from(`${columns.join(',')}\n`)]
  return {
    add({ version, path, sha256, leftOut }: Listed): void {
      const row = {
        type: version.documentType,
        name: path,
        version: version.version,
        sha256: sha256 ?? '',
        review_state: version.reviewStatus,
        review_reason: version.reviewReason ?? '',
        uploaded_at: version.uploadedAt.toISOString(),
        reviewed_at: version.reviewedAt?.toISOString() ?? '',
        valid_until: version.validUntil ?? '',
        size: version.fileSize,
        original_name: version.fileName,
        document_id: version.documentId,
        left_out: leftOut ?? '',
        in_force: isInForceOn(today, version) ? 'yes' : '',
      } satisfies Record<(typeof columns)[number], unknown>
      parts.push(Buffer.from(stringify([row], { columns: [...columns], escape_formulas: true })))
    },
    parts: (): readonly Buffer[] => parts,
  }
}

/** Whether it is the verified version that counts, before or on its last day. A newer one may wait for its review. */
function isInForceOn(today: string, { isInForce, validUntil }: ArchivedVersion): boolean {
  return isInForce && (validUntil === null || validUntil >= today)
}

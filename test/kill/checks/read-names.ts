import type { BlobRow } from '../../support/blobs/compare-blobs.ts'
import { readBlobs } from '../../support/blobs/compare-blobs.ts'
import type { Query } from '../../support/blobs/query.ts'
import { placeOf } from '../../support/blobs/watch-blobs.ts'

export type VersionRow = {
  place: string
  documentId: string
  firmId: string
  sha256: string | null
  size: number
  bytesState: string
  isFallback: boolean
}

export type Names = { versions: VersionRow[]; blobs: BlobRow[] }

/** Reads every row that names bytes. */
export async function readNames(query: Query): Promise<Names> {
  const versions = await query<VersionRow>(`
    select ${placeOf('v')} as place, v.document_id as "documentId", v.firm_id as "firmId", v.sha256,
      v.file_size as size, v.bytes_state as "bytesState", v.is_fallback as "isFallback"
    from document_versions v`)
  return { versions, blobs: await readBlobs(query) }
}

import { sql } from 'kysely'

import type { FirmId } from '../../vocabulary/vocabulary.ts'
import type { Db } from '../connection/client.ts'
import { type BlobLocation, platformPathOfVersionText as platformPath } from '../documents/versions-in-store.ts'

/** SQL: each file that the rows name, with everything needed to store it again, also of platform rows that are no version yet. Unordered. */
export const filesToBackUp = `
  select v.id as version_id, v.firm_id, v.document_id, v.version, d.document_type, v.file_name, v.mime_type, v.store,
    v.store_id, v.storage_key as key, v.object_version_id, v.file_size as size, v.sha256, v.bytes_state as state, v.scan_status
  from document_versions v join documents d on d.firm_id = v.firm_id and d.id = v.document_id
  where v.bytes_state <> 'removed'
  union all
  select null, p.firm_id, p.id, null, p.document_type, p.file_name, p.mime_type, p.store, null, p.storage_key, null,
    p.file_size, null, p.bytes_state, null
  from firm_documents f cross join lateral document_platform_rows(array[f.id]) p
  where not exists (
    select from document_versions v where v.firm_id = f.firm_id and v.document_id = f.id
      and ${platformPath} = f.file_path)`

type CurrentBlob = BlobLocation & { isInfected: boolean }

/** The current location of a version, which may have moved since the snapshot; undefined if it is deleted. */
export async function findCurrentBlob(db: Db, firmId: FirmId, versionId: string): Promise<CurrentBlob | undefined> {
  const { rows } = await sql<CurrentBlob>`
    select store, store_id as "storeId", storage_key as key, scan_status = 'infected' as "isInfected"
    from document_versions where firm_id = ${firmId}::uuid and id = ${versionId}::uuid`.execute(db)
  return rows[0]
}

/** The versions that are marked as missing. */
export async function listMissingVersions(db: Db): Promise<Set<string>> {
  const { rows } = await sql<{ id: string }>`select id from document_versions where bytes_state = 'missing'`.execute(db)
  return new Set(rows.map(({ id }) => id))
}

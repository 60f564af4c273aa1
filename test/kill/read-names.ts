import type { Client } from 'pg'

export type VersionRow = {
  place: string
  documentId: string
  firmId: string
  sha256: string | null
  size: number
  bytesState: string
  isFallback: boolean
}

type Names = { versions: VersionRow[]; named: Set<string>; multipartIds: Set<string> }

const place = (store: string, storeId: string, key: string) =>
  `case when ${store} = 's3' then 's3' else ${storeId}::text end || ':' || ${key}`

/** One look at all rows that name bytes: in one statement, so that nothing can pass from one table to another unseen. */
const everything = `
  select 'version' as kind, ${place('store', 'store_id', 'storage_key')} as place, null as multipart_id,
    document_id, firm_id, sha256, file_size, bytes_state, is_fallback
  from document_versions
  union all
  select 'upload', ${place('store', 'store_id', 'storage_key')}, multipart_id, null, null, null, null, null, null
  from document_uploads
  union all
  select 'move', ${place('to_store', 'to_store_id', 'to_key')}, multipart_id, null, null, null, null, null, null
  from document_moves`

// A checkout from before removals were noted has no such table.
const removals = `
  select ${place('store', 'store_id', 'storage_key')} as place from document_removals`

type Row = {
  kind: 'version' | 'upload' | 'move' | 'removal'
  place: string
  multipart_id: string | null
  document_id: string
  firm_id: string
  sha256: string | null
  file_size: number
  bytes_state: string
  is_fallback: boolean
}

/** Reads every row that names bytes. */
export async function readNames(client: Client): Promise<Names> {
  const table = await client.query<{ there: boolean }>(`select to_regclass('document_removals') is not null as there`)
  const withRemovals = `${everything} union all select 'removal', place, null, null, null, null, null, null, null from (${removals}) r`
  const { rows } = await client.query<Row>(table.rows[0]?.there === true ? withRemovals : everything)
  const versions = rows.filter(({ kind }) => kind === 'version')
  const others = rows.filter(({ kind }) => kind !== 'version')
  return {
    versions: versions.map((row) => ({
      place: row.place,
      documentId: row.document_id,
      firmId: row.firm_id,
      sha256: row.sha256,
      size: row.file_size,
      bytesState: row.bytes_state,
      isFallback: row.is_fallback,
    })),
    named: new Set(others.map((row) => row.place)),
    multipartIds: new Set(others.flatMap(({ multipart_id: id }) => (id === null ? [] : [id]))),
  }
}

import type { Query } from './query.ts'
import { isAlive, listViolations, placeOf } from './watch-blobs.ts'

/** Rules for the rows at any moment. Each query finds a violation. */
const faults: Record<string, string> = {
  'a version that not exactly one live blob names': `
    select v.id || ' at ' || ${placeOf('v')} as what from document_versions v
    where v.bytes_state <> 'removed' and 1 <> (
      select count(*) from document_blobs b
      where b.version_id = v.id and b.document_id = v.document_id and b.firm_id = v.firm_id and b.state = 'live'
        and b.store = v.store and b.storage_key = v.storage_key and b.store_id is not distinct from v.store_id)`,
  'a live blob without its version': `
    select b.id || ' at ' || ${placeOf('b')} as what from document_blobs b
    where b.state = 'live' and not exists (
      select from document_versions v
      where v.id = b.version_id and v.document_id = b.document_id and v.bytes_state <> 'removed'
        and v.store = b.store and v.storage_key = b.storage_key and v.store_id is not distinct from b.store_id)`,
  'a reservation outside of an upload': `
    select b.id || ', ' || b.state as what from document_blobs b
    where (b.state <> 'incoming' or b.source_id is not null or b.source_key is not null)
      and (b.reserved_bytes <> 0 or b.reserved_documents <> 0 or b.reserved_under is not null)`,
  'a blob of a purged document that its record does not name': `
    select b.id || ', ' || b.state || ' at ' || ${placeOf('b')} as what from document_blobs b
    where b.disposal_id is null and exists (select from document_disposals d where d.document_id = b.document_id)`,
  'a blob of a purged document in another state than leaving, hidden or destroyed': `
    select b.id || ', ' || b.state || ' at ' || ${placeOf('b')} as what from document_blobs b
    where b.disposal_id is not null and b.state not in ('leaving', 'hidden', 'destroyed')`,
  'a destroyed blob that no record of a purge refers to': `
    select b.id || ' at ' || ${placeOf('b')} as what from document_blobs b
    where b.state = 'destroyed' and b.disposal_id is null`,
}

/** Violations that the rows alone show. Call `watchBlobs` before. */
export async function findBlobFaults(query: Query): Promise<string[]> {
  const found = await listViolations(query)
  for (const [fault, text] of Object.entries(faults))
    for (const { what } of await query<{ what: string }>(text)) found.push(`${fault}: ${what}`)
  return found
}

/**
 * Keys of uploads in progress of live processes; empty if no client uploads. A resumable upload and its rest, which is no
 * version, wait for the next piece. Its claim ends within a minute if the database did not answer its release.
 */
export async function listUploadsUnderWay(query: Query): Promise<string[]> {
  const rows = await query<{ key: string }>(`
    select b.storage_key as key from document_blobs b
    where b.state = 'incoming' and b.source_id is null and b.source_key is null
      and b.version_id is not null and not exists (select from document_uploads u where u.blob_id = b.id)
      and ${isAlive('b.claimed_by')}`)
  return rows.map(({ key }) => key)
}

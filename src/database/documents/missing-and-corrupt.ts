import { sql } from 'kysely'

import type { DocumentId, FirmId, Sha256 } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import { inTransaction } from '../connection/in-transaction.ts'
import { detailsOf, type EventActor } from '../audit/events.ts'
import { isAtLocation, type BlobLocation } from './versions-in-store.ts'
import { lockRows } from './documents.ts'
import type { StoredVersion } from './versions-in-store.ts'

/** `missing`: the bytes are absent. `wrong`: they differ from the stored hash. */
export type FaultyState = 'missing' | 'wrong'

type NamingVersion = {
  firmId: FirmId
  documentId: DocumentId
  version: number
  /** False when it was already marked. */
  isMarkedNow: boolean
}

/**
 * Marks every version at this location whose bytes counted as present, and writes an audit event for each in the same
 * statement. Returns all versions at the location; none if the bytes were moved or removed since the caller read the
 * location. Missing files of documents that the platform deleted or replaced are not among them: the platform removes its
 * own files, and they are recorded as removed.
 */
export async function markMissingOrCorrupt(
  db: Db,
  actor: EventActor,
  { store, storeId, key }: BlobLocation,
  state: FaultyState,
): Promise<NamingVersion[]> {
  const { rows } = await sql<NamingVersion>`
    with naming as (
      select v.firm_id, v.id, v.document_id, v.version, ${state} = 'missing' and (
          exists (select from documents d where d.firm_id = v.firm_id and d.id = v.document_id
                    and d.deleted_at is not null and d.deleted_by is null)
          or exists (select from document_versions n where n.firm_id = v.firm_id and n.document_id = v.document_id
                       and n.version > v.version and n.is_platforms)
        ) as is_platforms_doing
      from document_versions v
      where v.storage_key = ${key} and v.store = ${store} and v.store_id is not distinct from ${storeId}::uuid
        and v.bytes_state <> 'removed'
    ),
    marked as (
      update document_versions v
      set bytes_state = case when naming.is_platforms_doing then 'removed' else ${state} end from naming
      where v.firm_id = naming.firm_id and v.id = naming.id and v.bytes_state = 'present'
        and v.storage_key = ${key} and v.store = ${store} and v.store_id is not distinct from ${storeId}::uuid
      returning v.firm_id, v.id, v.document_id, v.version, v.bytes_state
    ),
    event as (
      insert into document_trail (action, outcome, firm_id, document_id, version, actor_id, ip, user_agent, request_id, details)
      select 'document.bytes_' || bytes_state, 'gone', firm_id, document_id, version,
             ${actor.userId}::uuid, ${actor.ip}, ${actor.userAgent}, ${actor.requestId},
             ${JSON.stringify(detailsOf(actor, {}))}::jsonb
      from marked
    )
    select naming.firm_id as "firmId", naming.document_id as "documentId", naming.version,
           marked.id is not null as "isMarkedNow"
    from naming left join marked on marked.firm_id = naming.firm_id and marked.id = naming.id
    where not naming.is_platforms_doing`.execute(db)
  return rows
}

/**
 * A system task: marks a missing or corrupt version as present again, with its audit event, because its bytes now have this
 * hash. False if it was not marked, or was moved meanwhile.
 */
export async function markPresent(db: Db, actor: EventActor, version: StoredVersion, sha256: Sha256): Promise<boolean> {
  return await inTransaction(db, async (trx) => {
    // The review queue follows, and must not miss a change of the document meanwhile.
    await lockRows(trx, version)
    return await markLockedPresent(trx, actor, version, sha256)
  })
}

async function markLockedPresent(trx: Tx, actor: EventActor, version: StoredVersion, sha256: Sha256): Promise<boolean> {
  const { rows } = await sql`
    with restored as (
      update document_versions set bytes_state = 'present', sha256 = ${sha256}
      where firm_id = ${version.firmId} and id = ${version.versionId} and ${isAtLocation(version)}
        and bytes_state in ('missing', 'wrong') and coalesce(sha256, ${sha256}) = ${sha256}
      returning firm_id, document_id, version
    )
    insert into document_trail (action, outcome, firm_id, document_id, version, actor_id, ip, user_agent, request_id)
    select 'document.bytes_restored', 'ok', firm_id, document_id, version, ${actor.userId}::uuid, ${actor.ip},
      ${actor.userAgent}, ${actor.requestId}
    from restored
    returning id`.execute(trx)
  return rows.length === 1
}

/**
 * A system task: stores the hash of a version that the platform created without one. False when it has a hash or was
 * moved.
 */
export async function storeHash(db: Db, version: StoredVersion, sha256: Sha256): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update document_versions set sha256 = ${sha256}
    where firm_id = ${version.firmId} and id = ${version.versionId} and ${isAtLocation(version)} and sha256 is null`.execute(
    db,
  )
  return numAffectedRows === 1n
}

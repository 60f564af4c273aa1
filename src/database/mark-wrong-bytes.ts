import { sql } from 'kysely'

import type { DocumentId, FirmId } from '../vocabulary.ts'
import type { Db } from './client.ts'
import { type EventActor } from './events.ts'
import type { Place } from './places.ts'

/** How bytes can be that should be right: not there, or others than were stored. */
export type WrongState = 'missing' | 'wrong'

export type NamingVersion = {
  firmId: FirmId
  documentId: DocumentId
  version: number
  /** False when somebody else had marked it. */
  isMarkedNow: boolean
}

/**
 * A system task: marks every version whose bytes lie in this place and passed for right, and writes the audit event of
 * each in the same statement. Yields all versions that name the place; none when the bytes were moved or removed since
 * somebody looked where they are. Missing bytes of what the platform deleted or replaced are no alarm and not among
 * them: it removes its files itself, and they are noted as removed.
 */
export async function markWrongBytes(
  db: Db,
  actor: EventActor,
  { store, storeId, key }: Place,
  state: WrongState,
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
      insert into document_trail (action, outcome, firm_id, document_id, version, actor_id, ip, user_agent, request_id)
      select 'document.bytes_' || bytes_state, 'gone', firm_id, document_id, version,
             ${actor.userId}::uuid, ${actor.ip}, ${actor.userAgent}, ${actor.requestId}
      from marked
    )
    select naming.firm_id as "firmId", naming.document_id as "documentId", naming.version,
           marked.id is not null as "isMarkedNow"
    from naming left join marked on marked.firm_id = naming.firm_id and marked.id = naming.id
    where not naming.is_platforms_doing`.execute(db)
  return rows
}

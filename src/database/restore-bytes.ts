import { sql } from 'kysely'

import type { Sha256 } from '../vocabulary.ts'
import type { Db } from './client.ts'
import type { EventActor } from './events.ts'
import { liesAt } from './places.ts'
import type { StoredVersion } from './versions-in-store.ts'

/**
 * A system task: a version that was found missing or wrong may be read again, since its bytes, which have this hash, are
 * right. With its audit event. False when it was not marked, or its bytes lie elsewhere by now.
 */
export async function restoreBytes(
  db: Db,
  actor: EventActor,
  version: StoredVersion,
  sha256: Sha256,
): Promise<boolean> {
  const { rows } = await sql`
    with restored as (
      update document_versions set bytes_state = 'present', sha256 = ${sha256}
      where firm_id = ${version.firmId} and id = ${version.versionId} and ${liesAt(version)}
        and bytes_state in ('missing', 'wrong') and coalesce(sha256, ${sha256}) = ${sha256}
      returning firm_id, document_id, version
    )
    insert into document_trail (action, outcome, firm_id, document_id, version, actor_id, ip, user_agent, request_id)
    select 'document.bytes_restored', 'ok', firm_id, document_id, version, ${actor.userId}::uuid, ${actor.ip},
      ${actor.userAgent}, ${actor.requestId}
    from restored
    returning id`.execute(db)
  return rows.length === 1
}

/** A system task: gives a version that has no hash, as the platform makes them, that of its bytes. False when it has one, or they lie elsewhere by now. */
export async function keepHash(db: Db, version: StoredVersion, sha256: Sha256): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update document_versions set sha256 = ${sha256}
    where firm_id = ${version.firmId} and id = ${version.versionId} and ${liesAt(version)} and sha256 is null`.execute(
    db,
  )
  return numAffectedRows === 1n
}

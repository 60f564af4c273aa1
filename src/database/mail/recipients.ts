import { sql } from 'kysely'

import type { FirmId, UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import { personOf } from '../people/accounts.ts'

/** SQL: whether a member `m` is active and the person not locked out. */
const isActive = sql<boolean>`(m.status = 'active' and exists (
  select from registered_users r where r.id = m.user_id and not (r.is_locked or r.is_suspended)))`

/** The active administrators of a firm who are not locked out. */
export async function listAdministratorsOfFirm(db: Db | Tx, firmId: FirmId): Promise<UserId[]> {
  const { rows } = await sql<{ id: UserId }>`
    select distinct m.user_id as id from firm_users m
    where m.firm_id = ${firmId} and m.role = 'firm_admin' and ${isActive} order by id`.execute(db)
  return rows.map(({ id }) => id)
}

/** The uploader of a document, while they are an active member, and the administrators of the firm. */
export async function listPeopleOfDocument(
  db: Db | Tx,
  { firmId, uploadedBy }: { firmId: FirmId; uploadedBy: UserId },
): Promise<UserId[]> {
  const { rows } = await sql<{ id: UserId }>`
    select distinct m.user_id as id from firm_users m
    where m.firm_id = ${firmId} and (m.role = 'firm_admin' or m.user_id = ${uploadedBy}) and ${isActive}
    order by id`.execute(db)
  return rows.map(({ id }) => id)
}

/** The administrators of the platform who are not locked out, in either of its tables. */
export async function listPlatformAdministrators(db: Db | Tx): Promise<UserId[]> {
  const caller = { userId: sql.ref<UserId>('each.id'), sessionId: undefined, apiKeyId: undefined }
  const { rows } = await sql<{ id: UserId }>`
    select each.id from document_administrators() each cross join lateral ${personOf(caller)} as person
    where person."isAdministrator" and not person."isShutOut" order by each.id`.execute(db)
  return rows.map(({ id }) => id)
}

export async function findFirmName(db: Db | Tx, firmId: FirmId): Promise<string> {
  const { rows } = await sql<{ name: string }>`select name from security_firms where id = ${firmId}`.execute(db)
  return rows[0]?.name ?? ''
}

import { sql } from 'kysely'

import type { UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'

export type Erasure = {
  userId: UserId
  erasedAt: Date
  /** Null: by the command line or a restore. */
  erasedBy: UserId | null
  /** Null while personal fields of the person's events are left. */
  finishedAt: Date | null
}

const erasureColumns = sql<Erasure>`
  user_id as "userId", erased_at as "erasedAt", erased_by as "erasedBy", finished_at as "finishedAt"`

/** Records an erasure. A repeated one keeps the time and the person of the first, and is unfinished again. */
export async function upsertErasure(
  trx: Tx,
  { userId, erasedAt, erasedBy }: Omit<Erasure, 'finishedAt'>,
): Promise<Erasure> {
  const { rows } = await sql<Erasure>`
    insert into document_erasures (user_id, erased_at, erased_by) values (${userId}, ${erasedAt}, ${erasedBy})
    on conflict (user_id) do update set finished_at = null
    returning ${erasureColumns}`.execute(trx)
  const [row] = rows
  if (row === undefined) throw new Error('the erasure was not recorded')
  return row
}

export async function isErased(db: Db | Tx, userId: UserId): Promise<boolean> {
  const { rows } = await sql`select from document_erasures where user_id = ${userId}`.execute(db)
  return rows.length > 0
}

export async function finishErasure(db: Db, userId: UserId, at: Date): Promise<Date> {
  await sql`update document_erasures set finished_at = ${at} where user_id = ${userId}`.execute(db)
  return at
}

/**
 * The erased people whose events have personal fields: of an erasure whose process died, and if `includesLate`, of requests
 * after the erasure, such as one with an old token.
 */
export async function listUnfinishedErasures(db: Db, { includesLate }: { includesLate: boolean }): Promise<UserId[]> {
  const isLate = sql`exists (select from document_event_persons p where p.person_id = e.user_id)`
  const { rows } = await sql<{ userId: UserId }>`
    select user_id as "userId" from document_erasures e
    where finished_at is null ${includesLate ? sql`or ${isLate}` : sql``}
    order by erased_at, user_id`.execute(db)
  return rows.map(({ userId }) => userId)
}

/** Deletes keys and links of erased people that were made while they were erased. None of them works. */
export async function deleteLateAccess(db: Db): Promise<void> {
  await sql`delete from document_api_keys where user_id in (select user_id from document_erasures)`.execute(db)
  await sql`delete from document_link_tokens where subject_id in (select user_id from document_erasures)`.execute(db)
}

/** All erasures, the first ones first. The list has one short row for each erased person. */
export async function listErasures(db: Db): Promise<Erasure[]> {
  const { rows } = await sql<Erasure>`
    select ${erasureColumns} from document_erasures order by erased_at, user_id`.execute(db)
  return rows
}

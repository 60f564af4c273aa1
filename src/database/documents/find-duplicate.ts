import { type RawBuilder, sql } from 'kysely'

import type { DocumentId, Sha256, UserId } from '../../vocabulary/vocabulary.ts'
import type { Db } from '../connection/client.ts'
import { type DocumentRecord, type Viewer } from './documents.ts'
import { isVisibleTo } from './confidential-documents.ts'

/** Values, or columns of another table than `d` and `v`. */
type Member = { firmId: unknown; userId: UserId | RawBuilder<UserId>; role: unknown }
type Bytes = { sha256: Sha256 | null | RawBuilder<unknown>; before: Date | null }

/** SQL: the first document of the firm, not in the trash, with a version of the same content that this member may see. */
export const firstDuplicate = (
  { firmId, userId, role }: Member,
  confidentialRoles: readonly string[],
  { sha256, before }: Bytes,
): RawBuilder<DocumentId | null> => sql`(
  select v.document_id from document_versions v
  -- OFFSET 0 forces a look-up by key for each row, in the order of the index, so that the first match ends the search.
  cross join lateral (
    select from documents d
    where d.firm_id = v.firm_id and d.id = v.document_id and d.deleted_at is null
      and ${isVisibleTo(role, userId, confidentialRoles)}
    offset 0
  ) as seen
  where v.firm_id = ${firmId} and v.sha256 = ${sha256}
    and (${before}::timestamptz is null or v.uploaded_at < ${before}::timestamptz)
  order by v.uploaded_at, v.document_id limit 1)`

/** An earlier document with the same content. */
export async function findDuplicate(
  db: Db,
  { membership, confidentialRoles }: Viewer,
  { sha256, uploadedAt: before }: DocumentRecord,
): Promise<DocumentId | null> {
  const { rows } = await sql<{ id: DocumentId | null }>`
    select ${firstDuplicate({ ...membership, role: sql`${membership.role}::text` }, confidentialRoles, { sha256, before })} as id`.execute(
    db,
  )
  return rows[0]?.id ?? null
}

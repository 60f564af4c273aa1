import { type RawBuilder, sql } from 'kysely'

import type { DocumentId, Sha256 } from '../vocabulary.ts'
import type { Db } from './client.ts'
import { type DocumentRecord, maySee, type Seeing } from './documents.ts'

/** SQL: the first document of the firm, not in the trash, with a version of these very bytes that this member may see. */
export const firstWithBytes = (
  seeing: Seeing,
  sha256: Sha256 | null,
  before: Date | null = null,
): RawBuilder<DocumentId | null> => sql`(
  select d.id from document_versions v join documents d on d.firm_id = v.firm_id and d.id = v.document_id
  where v.firm_id = ${seeing.membership.firmId} and v.sha256 = ${sha256} and d.deleted_at is null
    and (${before}::timestamptz is null or v.uploaded_at < ${before}::timestamptz) and ${maySee(seeing)}
  order by v.uploaded_at, v.document_id limit 1)`

/** The document that had these bytes before this one came. */
export async function findDuplicate(
  db: Db,
  seeing: Seeing,
  { sha256, uploadedAt }: DocumentRecord,
): Promise<DocumentId | null> {
  const { rows } = await sql<{ id: DocumentId | null }>`
    select ${firstWithBytes(seeing, sha256, uploadedAt)} as id`.execute(db)
  return rows[0]?.id ?? null
}

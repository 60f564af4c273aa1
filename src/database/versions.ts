import { sql } from 'kysely'

import type { DocumentId } from '../vocabulary.ts'
import type { Db } from './client.ts'
import { documentColumns, type DocumentRecord, maySee, type Seeing } from './documents.ts'

/** `after`: the number of the last version of the page before. */
export type VersionPage = { limit: number; after: { at: string } | undefined }

/** A document as each of its versions that this member may see, newest first. */
export async function listVersions(
  db: Db,
  seeing: Seeing,
  documentId: DocumentId,
  { limit, after }: VersionPage,
): Promise<DocumentRecord[]> {
  const { rows } = await sql<DocumentRecord>`
    select ${documentColumns}
    from documents d
    join document_versions v on v.firm_id = d.firm_id and v.document_id = d.id
    where d.firm_id = ${seeing.membership.firmId} and d.id = ${documentId} and ${maySee(seeing)}
      ${after === undefined ? sql`` : sql`and v.version < ${after.at}::int`}
    order by v.version desc limit ${limit}`.execute(db)
  return rows
}

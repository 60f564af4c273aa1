import { type RawBuilder, sql } from 'kysely'

import type { DocumentId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import { isConfidential } from './document-types.ts'
import { codeOf, documentColumns, type DocumentRecord, type Viewer } from './documents.ts'

export type DocumentFilter = { documentType: string | undefined; withDeleted: boolean }
export type DocumentPage = { limit: number; after: { at: string; id: string } | undefined }

/** The firm's documents that this member may see, newest first. */
export async function listDocuments(
  db: Db | Tx,
  seeing: Viewer,
  filter: DocumentFilter,
  page: DocumentPage,
): Promise<DocumentRecord[]> {
  const { firmId, role } = seeing.membership
  const seesAll = [...seeing.confidentialRoles, 'administrator', 'reviewer'].includes(role)
  const { rows } = await sql<DocumentRecord>`
    select ${documentColumns}
    from (${seesAll ? newestOfAll(seeing, filter, page) : newestVisible(seeing, filter, page)}) as page
    join documents d on d.firm_id = ${firmId} and d.id = page.id
    join document_versions v on v.firm_id = d.firm_id and v.document_id = d.id and v.version = d.current_version
    order by d.created_at desc, d.id desc`.execute(db)
  return rows
}

type Position = { created_at: Date; id: DocumentId }

function newestOfAll(
  { membership: { firmId } }: Viewer,
  filter: DocumentFilter,
  page: DocumentPage,
): RawBuilder<Position> {
  return sql<Position>`
    select d.created_at, d.id from documents d
    where d.firm_id = ${firmId} and ${isOfType(filter)} and ${isOnPage(filter, page)}
    ${newestFirst(page)}`
}

/**
 * What a member without a confidential role may see: every type that is not confidential, and what they uploaded. Each part
 * reads at most a page by its index, so that the confidential documents of others cost nothing. The parts may overlap.
 */
function newestVisible(
  { membership: { firmId, userId } }: Viewer,
  filter: DocumentFilter,
  page: DocumentPage,
): RawBuilder<Position> {
  const isWanted = isOnPage(filter, page)
  return sql<Position>`
    select created_at, id from (
      select of_type.* from document_types t
      cross join lateral (
        select d.created_at, d.id from documents d
        where d.firm_id = ${firmId} and d.document_type = t.code and ${isWanted}
        ${newestFirst(page)}
      ) as of_type
      where not ${isConfidential('t')}
        ${filter.documentType === undefined ? sql`` : sql`and t.code = ${codeOf(filter.documentType)}`}
      union
      (
        select d.created_at, d.id from documents d
        join document_versions v on v.firm_id = d.firm_id and v.document_id = d.id and v.version = d.current_version
        where d.firm_id = ${firmId} and d.created_by = ${userId} and v.uploaded_by = ${userId}
          and ${isOfType(filter)} and ${isWanted}
        ${newestFirst(page)}
      )
      union
      -- New versions of the documents of others.
      (
        select d.created_at, d.id from document_versions v
        join documents d on d.firm_id = v.firm_id and d.id = v.document_id and d.current_version = v.version
        where v.firm_id = ${firmId} and v.uploaded_by = ${userId} and v.version > 1
          and ${isOfType(filter)} and ${isWanted}
        ${newestFirst(page)}
      )
    ) as d
    ${newestFirst(page)}`
}

const isOfType = ({ documentType }: DocumentFilter): RawBuilder<boolean> =>
  documentType === undefined ? sql`true` : sql`d.document_type = ${codeOf(documentType)}`

const isOnPage = ({ withDeleted }: DocumentFilter, { after }: DocumentPage): RawBuilder<boolean> => sql<boolean>`(
  ${withDeleted ? sql`true` : sql`d.deleted_at is null`}
  and ${after === undefined ? sql`true` : sql`(d.created_at, d.id) < (${after.at}::timestamptz, ${after.id}::uuid)`})`

const newestFirst = ({ limit }: DocumentPage) => sql`order by d.created_at desc, d.id desc limit ${limit}`

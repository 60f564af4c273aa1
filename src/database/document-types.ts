import { sql } from 'kysely'

import type { Db } from './client.ts'

export type DocumentTypeRecord = {
  id: string
  code: string
  name: string
  description: string | null
  isRequired: boolean
  isActive: boolean
  maxBytes: number | null
  allowedTypes: string[] | null
  confidential: boolean
}

const columns = sql<DocumentTypeRecord>`
  id, code, name, description, is_required as "isRequired", is_active as "isActive", max_bytes as "maxBytes",
  allowed_types as "allowedTypes", confidential`

/** A document type by its code or its id, active or not. */
export async function findDocumentType(db: Db, codeOrId: string): Promise<DocumentTypeRecord | undefined> {
  const { rows } = await sql<DocumentTypeRecord>`
    select ${columns} from document_types where code = ${codeOrId} or id::text = lower(${codeOrId}) limit 1`.execute(db)
  return rows[0]
}

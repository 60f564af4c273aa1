import { sql } from 'kysely'

import type { UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'

export type DocumentType = {
  id: string
  code: string
  name: string
  description: string | null
  isRequired: boolean
  isActive: boolean
  /** Null: the maximum of the service. */
  maxBytes: number | null
  /** Null: the default formats. */
  allowedTypes: string[] | null
  confidential: boolean
  /** Days from the upload of the newest version until a purge may destroy a document. Null: no retention beyond the trash. */
  retentionDays: number | null
  createdAt: Date
  updatedAt: Date
}

export type NewDocumentType = Omit<DocumentType, 'id' | 'createdAt' | 'updatedAt'>
export type DocumentTypeChange = { [Field in keyof Omit<NewDocumentType, 'code'>]?: NewDocumentType[Field] | undefined }

const columns = [
  'id',
  'code',
  'name',
  'description',
  'is_required as isRequired',
  'is_active as isActive',
  'max_bytes as maxBytes',
  'allowed_types as allowedTypes',
  'confidential',
  'retention_days as retentionDays',
  'created_at as createdAt',
  'updated_at as updatedAt',
] as const

export async function listDocumentTypes(db: Db): Promise<DocumentType[]> {
  return await db.selectFrom('document_types').select(columns).orderBy('code').execute()
}

/** By code or by id. */
export async function findDocumentType(db: Db | Tx, codeOrId: string): Promise<DocumentType | undefined> {
  return await db.selectFrom('document_types').select(columns).where(isNamed(codeOrId)).executeTakeFirst()
}

const isNamed = (codeOrId: string) =>
  sql<boolean>`(code = ${codeOrId} or document_types.id::text = ${codeOrId.toLowerCase()})`

/** Undefined when the code is taken. */
export async function insertDocumentType(
  trx: Tx,
  type: NewDocumentType,
  createdBy: UserId,
): Promise<DocumentType | undefined> {
  return await trx
    .insertInto('document_types')
    .values({
      id: sql<string>`gen_random_uuid()`,
      code: type.code,
      name: type.name,
      description: type.description,
      is_required: type.isRequired,
      is_active: type.isActive,
      max_bytes: type.maxBytes,
      allowed_types: type.allowedTypes,
      confidential: type.confidential,
      retention_days: type.retentionDays,
      created_by: createdBy,
    })
    .onConflict((conflict) => conflict.column('code').doNothing())
    .returning(columns)
    .executeTakeFirst()
}

/** Undefined when there is no such type. Documents name a type by its code, which therefore never changes. */
export async function updateDocumentType(
  trx: Tx,
  id: string,
  change: DocumentTypeChange,
): Promise<DocumentType | undefined> {
  return await trx
    .updateTable('document_types')
    .set({
      name: change.name,
      description: change.description,
      is_required: change.isRequired,
      is_active: change.isActive,
      max_bytes: change.maxBytes,
      allowed_types: change.allowedTypes,
      confidential: change.confidential,
      retention_days: change.retentionDays,
      updated_at: sql`now()`,
    })
    .where('id', '=', id)
    .returning(columns)
    .executeTakeFirst()
}

import { type RawBuilder, sql } from 'kysely'

import type { RejectReason, UserId } from '../../vocabulary/vocabulary.ts'
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
  /** What counts as proof; two lines. */
  proof: string | null
  /** Null: a verified document does not expire by itself. */
  validityMonths: number | null
  /** The document states its last day, which the reviewer enters. */
  validityStated: boolean
  /** Null: the common ones. */
  rejectReasons: RejectReason[] | null
  createdAt: Date
  updatedAt: Date
}

export type NewDocumentType = Omit<DocumentType, 'id' | 'createdAt' | 'updatedAt'>
export type DocumentTypeChange = { [Field in keyof Omit<NewDocumentType, 'code'>]?: NewDocumentType[Field] | undefined }

const confidentialCodes = ['identity_document', 'bank_statement', 'tax_clearance', 'proof_of_residence']

/**
 * SQL: whether a type is confidential. Types with these codes are, until an administrator decides otherwise, also on tables
 * that the platform made. In the text, not parameters, for the plans of the hot statements.
 */
export const isConfidential = (table: string): RawBuilder<boolean> =>
  sql<boolean>`coalesce(${sql.ref(`${table}.confidential`)}, ${sql.ref(`${table}.code`)} in (${sql.join(confidentialCodes.map((code) => sql.lit(code)))}))`

const columns = [
  'id',
  'code',
  'name',
  'description',
  'is_required as isRequired',
  'is_active as isActive',
  'max_bytes as maxBytes',
  'allowed_types as allowedTypes',
  isConfidential('document_types').as('confidential'),
  'retention_days as retentionDays',
  'proof',
  'validity_months as validityMonths',
  'validity_stated as validityStated',
  'reject_reasons as rejectReasons',
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
      proof: type.proof,
      validity_months: type.validityMonths,
      validity_stated: type.validityStated,
      reject_reasons: jsonOf(type.rejectReasons),
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
      proof: change.proof,
      validity_months: change.validityMonths,
      validity_stated: change.validityStated,
      reject_reasons: change.rejectReasons === undefined ? undefined : jsonOf(change.rejectReasons),
      updated_at: sql`now()`,
    })
    .where('id', '=', id)
    .returning(columns)
    .executeTakeFirst()
}

const jsonOf = (reasons: RejectReason[] | null) => (reasons === null ? null : JSON.stringify(reasons))

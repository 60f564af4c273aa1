import type { Db } from '../database/client.ts'
import { type DocumentType, findDocumentType, listDocumentTypes } from '../database/document-types.ts'
import { AppError } from '../errors.ts'
import { requirePerson } from '../people/require-person.ts'
import type { Actor } from '../vocabulary.ts'

/** Every type, also those that take no new documents, since old ones still name them. */
export async function browseDocumentTypes({ db }: { db: Db }, actor: Actor): Promise<DocumentType[]> {
  await requirePerson(db, actor, 'document_types.listed')
  return await listDocumentTypes(db)
}

export async function viewDocumentType({ db }: { db: Db }, actor: Actor, codeOrId: string): Promise<DocumentType> {
  await requirePerson(db, actor, 'document_type.viewed')
  const type = await findDocumentType(db, codeOrId)
  if (type === undefined) throw noSuchType()
  return type
}

export function noSuchType(): AppError {
  return new AppError('not_found', 'There is no such document type. GET /api/v1/document-types lists them.')
}

import type { Db } from '../database/connection/client.ts'
import {
  type DocumentType,
  type DocumentTypeChange,
  findDocumentType,
  insertDocumentType,
  listDocumentTypes,
  type NewDocumentType,
  updateDocumentType,
} from '../database/documents/document-types.ts'
import { recordEvent } from '../database/audit/events.ts'
import { inTransaction } from '../database/connection/in-transaction.ts'
import { AppError } from '../errors/app-error.ts'
import type { Actor, RejectReason } from '../vocabulary/vocabulary.ts'
import { requireAdministrator, requirePerson } from '../people/require-right.ts'

/** Every type, including those that accept no new documents: old documents still name them. */
export async function browseDocumentTypes({ db }: { db: Db }, actor: Actor): Promise<DocumentType[]> {
  await requirePerson(db, actor, 'document_types.listed', { scope: 'documents:read' })
  return await listDocumentTypes(db)
}

export async function viewDocumentType({ db }: { db: Db }, actor: Actor, codeOrId: string): Promise<DocumentType> {
  await requirePerson(db, actor, 'document_type.viewed', { scope: 'documents:read' })
  const type = await findDocumentType(db, codeOrId)
  if (type === undefined) throw noSuchType()
  return type
}

function noSuchType(): AppError {
  return new AppError('not_found', 'There is no such document type. GET /api/v1/document-types lists them.')
}

type Needs = { db: Db; maxUploadBytes: number }

/** Throws `conflict` for a code that is in use, `validation_failed` for a limit above MAX_UPLOAD_BYTES. */
export async function addDocumentType(
  { db, maxUploadBytes }: Needs,
  actor: Actor,
  newType: NewDocumentType,
): Promise<DocumentType> {
  const administrator = await requireAdministrator(db, actor, 'document_type.added')
  assertWithinMaximum(maxUploadBytes, newType.maxBytes)

  return await inTransaction(db, async (trx) => {
    const type = await insertDocumentType(trx, newType, administrator.id)
    if (type === undefined)
      throw new AppError('conflict', `There is a document type with the code "${newType.code}" already.`)
    await recordEvent(trx, actor, { action: 'document_type.added', outcome: 'ok', details: { code: type.code } })
    return type
  })
}

/** Takes effect for the next upload. Existing documents stay. */
export async function changeDocumentType(
  { db, maxUploadBytes }: Needs,
  actor: Actor,
  codeOrId: string,
  change: DocumentTypeChange,
): Promise<DocumentType> {
  await requireAdministrator(db, actor, 'document_type.changed')
  assertWithinMaximum(maxUploadBytes, change.maxBytes)

  return await inTransaction(db, async (trx) => {
    const before = await findDocumentType(trx, codeOrId)
    const type = before && (await updateDocumentType(trx, before.id, change))
    if (type === undefined) throw noSuchType()
    await recordEvent(trx, actor, {
      action: 'document_type.changed',
      outcome: 'ok',
      details: { code: type.code, change },
    })
    return type
  })
}

function assertWithinMaximum(maxUploadBytes: number, maxBytes: number | null | undefined): void {
  if (maxBytes === null || maxBytes === undefined || maxBytes <= maxUploadBytes) return
  const message = `must be at most ${maxUploadBytes}, the maximum of this service`
  throw new AppError('validation_failed', `max_bytes ${message}.`, { fields: [{ field: 'max_bytes', message }] })
}

/** Of every type without its own. Contract §8. */
const commonRejectReasons: readonly RejectReason[] = [
  { code: 'wrong_document', text: 'This is another document than the required one.', isFinal: false },
  { code: 'unreadable', text: 'It cannot be read: it is blurred, dark or cut off.', isFinal: false },
  { code: 'incomplete', text: 'Pages or details are missing.', isFinal: false },
  { code: 'outdated', text: 'It has expired, or is older than allowed.', isFinal: false },
  { code: 'name_mismatch', text: 'The name on it is not the name of the firm or person.', isFinal: false },
  { code: 'altered', text: 'It seems to have been altered.', isFinal: true },
  { code: 'other', text: 'Another reason, which the comment explains.', isFinal: false },
]

/** What a rejection of a document of this type can name. */
export function reasonsOf({ rejectReasons }: Pick<DocumentType, 'rejectReasons'>): readonly RejectReason[] {
  return rejectReasons ?? commonRejectReasons
}

import type { Logger } from 'pino'

import type { Db } from '../database/client.ts'
import { type BytesWanted, type OpenedDocument, openDocument } from '../database/open-document.ts'
import { AppError, isAppError } from '../errors.ts'
import { confidentialRoles, type RightName, rights } from '../people/rights.ts'
import type { Actor, DocumentId, FirmId } from '../vocabulary.ts'
import { tellAccess } from './tell-access.ts'

export type AccessNeeds = { db: Db; log: Logger }

/** Whoever wants the bytes says which stores they can read, and no right to them goes unjudged. */
export type DocumentAccess = { firmId: FirmId; documentId: DocumentId; version?: number | undefined } & (
  | { right: 'documents.download'; bytesFrom: BytesWanted }
  | { right: Exclude<RightName, 'documents.download'> }
)

/**
 * The one way to a document that exists: right, document and state in one round trip, and the access, or its refusal,
 * in the audit trail and the log. Throws the refusal, and `not_found` also for one that this person may not know of.
 */
export async function accessDocument(
  needs: AccessNeeds,
  actor: Actor,
  access: DocumentAccess,
): Promise<OpenedDocument> {
  const { firmId, documentId, version, right } = access
  const tell = (outcome: string) => tellAccess(needs.log, actor, { right, firmId, documentId, outcome })
  try {
    const bytesFrom = access.right === 'documents.download' ? access.bytesFrom : undefined
    const opening = { firmId, documentId, version, right: rights[right], confidentialRoles, bytesFrom }
    const document = await openDocument(needs.db, actor, opening)
    if (document === undefined) throw noSuchDocument(version)
    tell(document.outcome)
    return document
  } catch (error) {
    if (isAppError(error)) tell(error.code)
    throw error
  }
}

/** `version`: the one that was asked for by its number. Whether it is the document or the version that is not there is not told. */
export function noSuchDocument(version?: number): AppError {
  if (version === undefined) return new AppError('not_found', 'There is no such document in this firm.')
  return new AppError(
    'not_found',
    `There is no version ${version} of such a document in this firm. GET …/versions lists those that there are.`,
  )
}

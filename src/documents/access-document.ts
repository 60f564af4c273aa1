import type { Logger } from 'pino'

import type { Db, Tx } from '../database/connection/client.ts'
import { type DocumentRecord, lockDocument } from '../database/documents/documents.ts'
import { type NewEvent, recordEvent } from '../database/audit/events.ts'
import { inTransaction } from '../database/connection/in-transaction.ts'
import type { Membership } from '../database/people/membership.ts'
import {
  type ContentAccess,
  createDocumentOpener,
  type OpenDocument,
  type OpenedDocument,
} from '../database/documents/open-document.ts'
import { AppError, isAppError } from '../errors/app-error.ts'
import { summarize } from '../logging/spans.ts'
import { recordDenial, requireRight } from '../people/require-right.ts'
import { confidentialRoles, type RightName, rights } from '../people/rights.ts'
import type { Actor, DocumentId, FirmId } from '../vocabulary/vocabulary.ts'

export type AccessNeeds = { db: Db; log: Logger }

/** Concurrent requests for the same right share one statement. */
export type DocumentOpeners = Record<OpeningRight, OpenDocument>

type OpeningRight = (typeof openingRights)[number]

const openingRights = ['documents.read', 'documents.download', 'documents.history', 'documents.versions'] as const

export function createDocumentOpeners(db: Db): DocumentOpeners {
  const openers = openingRights.map((right) => [right, createDocumentOpener(db, rights[right], confidentialRoles)])
  return Object.fromEntries(openers) as DocumentOpeners // one for each of the names
}

export type OpeningNeeds = AccessNeeds & { openers: DocumentOpeners }

/** A download says which stores this instance can read, and always checks the right to download. */
type DocumentAccess = { firmId: FirmId; documentId: DocumentId; version?: number | undefined } & (
  | { right: 'documents.download'; bytesFrom: ContentAccess }
  | { right: Exclude<OpeningRight, 'documents.download'> }
)

/**
 * Opens an existing document: one statement checks the right, reads document and state, and records the access or its denial
 * in the audit trail. Throws the denial, and `not_found` also for a document that this person must not know of.
 */
export async function accessDocument(
  needs: OpeningNeeds,
  actor: Actor,
  access: DocumentAccess,
): Promise<OpenedDocument> {
  const { firmId, documentId, version, right } = access
  const logOutcome = (outcome: string) => logAccess(needs.log, actor, { right, firmId, documentId, outcome })
  try {
    const bytesFrom = access.right === 'documents.download' ? access.bytesFrom : undefined
    const document = await needs.openers[right]({ actor, firmId, documentId, version, contentAccess: bytesFrom })
    if (document === undefined) throw noSuchDocument(version)
    logOutcome(document.outcome)
    return document
  } catch (error) {
    if (isAppError(error)) logOutcome(error.code)
    throw error
  }
}

type Change = { right: RightName; firmId: FirmId; documentId: DocumentId }

/** The document is locked until the transaction ends. */
type Changing = {
  trx: Tx
  membership: Membership
  document: DocumentRecord
  record: (about: Pick<NewEvent, 'version' | 'details'>) => Promise<void>
}

/** Checks the right, then runs the work. The access or its denial goes to the audit trail and the log. */
export async function withRight<Result>(
  needs: AccessNeeds,
  actor: Actor,
  { right, firmId, documentId }: Change,
  work: (membership: Membership) => Promise<Result>,
): Promise<Result> {
  const membership = await requireRight(needs, actor, right, { firmId, documentId })
  const event = { action: rights[right].event, firmId, documentId }
  const result = await recordDenial(needs.db, actor, event, () => work(membership))
  logAccess(needs.log, actor, { right, firmId, documentId, outcome: 'ok' })
  return result
}

/** As `withRight`: locks the document and runs `change` in the same transaction. Also throws `not_found`. */
export async function changeDocument<Result>(
  needs: AccessNeeds,
  actor: Actor,
  of: Change,
  change: (changing: Changing) => Promise<Result>,
): Promise<Result> {
  const { firmId, documentId } = of
  return withRight(needs, actor, of, (membership) =>
    inTransaction(needs.db, async (trx) => {
      const document = await lockDocument(trx, { membership, confidentialRoles }, documentId)
      if (document === undefined) throw noSuchDocument()
      const event = { action: rights[of.right].event, outcome: 'ok', firmId, documentId }
      return change({ trx, membership, document, record: (about) => recordEvent(trx, actor, { ...event, ...about }) })
    }),
  )
}

/** `version`: a requested version. The message does not reveal whether the document or only the version is absent. */
export function noSuchDocument(version?: number): AppError {
  if (version === undefined) return new AppError('not_found', 'There is no such document in this firm.')
  return new AppError(
    'not_found',
    `There is no version ${version} of such a document in this firm. GET …/versions lists the versions.`,
  )
}

type Access = { right: RightName; firmId: FirmId; documentId: DocumentId; outcome: string }

/** Logs an access to a document, or its denial: in the line of the request, or in a line of its own after the first. */
export function logAccess(log: Logger, actor: Actor, { right, firmId, documentId, outcome }: Access): void {
  const access = {
    action: rights[right].event,
    outcome,
    document_id: documentId,
    firm_id: firmId,
    user_id: actor.userId,
  }
  if (!summarize(access)) log.info({ event: 'document_access', ...access })
}

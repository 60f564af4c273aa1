import type { Logger } from 'pino'

import type { Db, Tx } from '../database/connection/client.ts'
import { type DocumentRecord, findDocument, lockAndFollow } from '../database/documents/documents.ts'
import { type NewEvent, recordEvent } from '../database/audit/events.ts'
import { inTransaction } from '../database/connection/in-transaction.ts'
import { type Membership, requireMembership } from '../database/people/check-access.ts'
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

/** A local link is judged by the right that a download needs. */
export type DownloadRight = 'documents.download' | 'documents.follow_link'

type OpeningRight = keyof typeof openingRights

const openingRights = {
  'documents.read': rights['documents.read'],
  'documents.download': rights['documents.download'],
  'documents.follow_link': { ...rights['documents.download'], event: 'document.link_used' },
  'documents.history': rights['documents.history'],
  'documents.versions': rights['documents.versions'],
} as const

export function createDocumentOpeners(db: Db): DocumentOpeners {
  const openers = Object.entries(openingRights).map(([name, right]) => [
    name,
    createDocumentOpener(db, right, confidentialRoles),
  ])
  return Object.fromEntries(openers) as DocumentOpeners // one for each of the names
}

export type OpeningNeeds = AccessNeeds & { openers: DocumentOpeners }

/** A download names the stores that this instance can read. */
type DocumentAccess = { firmId: FirmId; documentId: DocumentId; version?: number | undefined } & (
  | { right: DownloadRight; bytesFrom: ContentAccess; isContinued?: boolean }
  | { right: Exclude<OpeningRight, DownloadRight> }
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
  const action = openingRights[right].event
  const logOutcome = (outcome: string) => logAccess(needs.log, actor, { action, firmId, documentId, outcome })
  try {
    const { bytesFrom: contentAccess, isContinued } = 'bytesFrom' in access ? access : {}
    const document = await needs.openers[right]({ actor, firmId, documentId, version, contentAccess, isContinued })
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
  logAccess(needs.log, actor, { action: rights[right].event, firmId, documentId, outcome: 'ok' })
  return result
}

/**
 * As `withRight`: locks the document, checks the right again and runs `change` in the same transaction: it may have waited
 * for the lock, and the person may have lost the right meanwhile. Also throws `not_found`.
 */
export async function changeDocument<Result>(
  needs: AccessNeeds,
  actor: Actor,
  of: Change,
  change: (changing: Changing) => Promise<Result>,
): Promise<Result> {
  const { firmId, documentId } = of
  return withRight(needs, actor, of, () =>
    inTransaction(needs.db, async (trx) => {
      const { membership, document } = await lockWithRight(trx, actor, of)
      const event = { action: rights[of.right].event, outcome: 'ok', firmId, documentId }
      return change({ trx, membership, document, record: (about) => recordEvent(trx, actor, { ...event, ...about }) })
    }),
  )
}

/** Locks a document until the transaction ends, then checks the right. Throws the denial and `not_found`. */
export async function lockWithRight(
  trx: Tx,
  actor: Actor,
  { right, firmId, documentId }: Change,
): Promise<{ membership: Membership; document: DocumentRecord }> {
  await lockAndFollow(trx, { firmId, documentId })
  // Statements of their own: one that waited for a lock continues with its old snapshot.
  const membership = await requireMembership(trx, { caller: actor, firmId, right: rights[right] })
  const document = await findDocument(trx, { membership, confidentialRoles }, documentId)
  if (document === undefined) throw noSuchDocument()
  return { membership, document }
}

/** `version`: a requested version. The message does not reveal whether the document or only the version is absent. */
export function noSuchDocument(version?: number): AppError {
  if (version === undefined) return new AppError('not_found', 'There is no such document in this firm.')
  return new AppError(
    'not_found',
    `There is no version ${version} of such a document in this firm. GET …/versions lists the versions.`,
  )
}

type Access = { action: string; firmId: FirmId; documentId: DocumentId; outcome: string }

/** Logs an access to a document, or its denial: in the line of the request, or in a line of its own after the first. */
export function logAccess(log: Logger, actor: Actor, { action, firmId, documentId, outcome }: Access): void {
  const access = {
    action,
    outcome,
    document_id: documentId,
    firm_id: firmId,
    user_id: actor.userId,
  }
  if (!summarize(access)) log.info({ event: 'document_access', ...access })
}

import type { Db } from '../database/client.ts'
import { findDocument, type DocumentRecord } from '../database/documents.ts'
import { findAnswer, type IdempotencyScope } from '../database/idempotency.ts'
import type { Membership } from '../database/membership.ts'
import { AppError } from '../errors.ts'
import { confidentialRoles } from '../people/rights.ts'
import type { Sha256 } from '../vocabulary.ts'

/** Another request with the same idempotency key was first; thrown inside the transaction that it won. */
export class AnsweredBefore extends Error {
  override readonly name = 'AnsweredBefore'
  readonly sha256: Sha256

  constructor(sha256: Sha256) {
    super('this idempotency key was answered before')
    this.sha256 = sha256
  }
}

/** What a key stands for: the same document type and the same bytes. */
export function fingerprintOf(documentType: string, sha256: Sha256): string {
  return `${documentType}:${sha256}`
}

/** The document that was answered under this key. Throws `conflict` when it stood for another file. */
export async function findEarlierDocument(
  db: Db,
  membership: Membership,
  scope: IdempotencyScope,
  fingerprint: string,
): Promise<DocumentRecord | undefined> {
  const answer = await findAnswer(db, scope)
  if (answer === undefined) return undefined
  if (answer.fingerprint !== fingerprint)
    throw new AppError('conflict', 'This Idempotency-Key was used for another file. Use a new key for a new file.')
  const document = await findDocument(db, { membership, confidentialRoles }, answer.documentId)
  if (document === undefined)
    throw new AppError('conflict', 'The document of this Idempotency-Key is gone. Use a new key to hand it in again.')
  return document
}

import type { Db } from '../database/client.ts'
import { findDocument } from '../database/documents.ts'
import { findDuplicate } from '../database/duplicates.ts'
import { findAnswer, type IdempotencyScope } from '../database/idempotency.ts'
import type { Membership } from '../database/membership.ts'
import type { RecordedDocument } from '../database/record-version.ts'
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

/** What a key stands for: the same bytes as the same paper, a type of a new document or the document of a new version. */
export function fingerprintOf(paper: string, sha256: Sha256): string {
  return `${paper}:${sha256}`
}

/** The document that was answered under this key, as the version that it was then. Throws `conflict` when it stood for another file. */
export async function findEarlierDocument(
  db: Db,
  membership: Membership,
  scope: IdempotencyScope,
  fingerprint: string,
): Promise<RecordedDocument | undefined> {
  const answer = await findAnswer(db, scope)
  if (answer === undefined) return undefined
  if (answer.fingerprint !== fingerprint)
    throw new AppError('conflict', 'This Idempotency-Key was used for another file. Use a new key for a new file.')
  const seeing = { membership, confidentialRoles }
  const document = await findDocument(db, seeing, answer.documentId, answer.version)
  if (document === undefined)
    throw new AppError('conflict', 'The document of this Idempotency-Key is gone. Use a new key to hand it in again.')
  return { ...document, duplicateOf: await findDuplicate(db, seeing, document) }
}

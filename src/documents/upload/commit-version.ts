import { type CommitResult, commitUpload, type NewVersion } from '../../database/blobs/commit-upload.ts'
import type { Db, Tx } from '../../database/connection/client.ts'
import { findDocument, lockDocument, type Viewer } from '../../database/documents/documents.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { requireMembership } from '../../database/people/membership.ts'
import { confidentialRoles, rights } from '../../people/rights.ts'
import type { Scanner } from '../../scanner/scanner.ts'
import type { Actor } from '../../vocabulary/vocabulary.ts'
import { noSuchDocument } from '../access-document.ts'
import { assertNotInTrash, assertServable } from '../download/assert-servable.ts'

type Committing = {
  right: 'documents.add_version' | 'documents.restore_version'
  version: NewVersion
  /** The version whose bytes these are, and who scans. */
  restored?: { version: number; scanner: Scanner | undefined }
  signal: AbortSignal
}

/**
 * Commits the newest version of a document under the document's lock. The body may have taken minutes: who lost the right
 * meanwhile adds nothing, and nothing is added to what went to the trash. Throws `OutcomeUnknown`.
 */
export async function commitVersion(
  { db }: { db: Db },
  actor: Actor,
  { right, version, restored, signal }: Committing,
): Promise<CommitResult> {
  const { firmId, documentId } = version
  const judging = { right: rights[right], confidentialRoles }
  return inTransaction(db, async (trx) => {
    const membership = await requireMembership(trx, { userId: actor.userId, firmId, right: rights[right] })
    const seeing = { membership, confidentialRoles }
    const current = await lockDocument(trx, seeing, documentId)
    if (current === undefined) throw noSuchDocument()
    assertNotInTrash(current)
    const scanned = restored === undefined ? {} : await readScanOf(trx, seeing, { documentId, ...restored })
    const committed = await commitUpload(trx, { actor, version: { ...version, ...scanned } }, judging)
    signal.throwIfAborted()
    return committed
  })
}

/** The same bytes: what is known of them by now holds for the copy. */
async function readScanOf(
  trx: Tx,
  seeing: Viewer,
  { documentId, version, scanner }: Pick<NewVersion, 'documentId'> & { version: number; scanner: Scanner | undefined },
): Promise<Pick<NewVersion, 'scanStatus' | 'copyOf'>> {
  const old = await findDocument(trx, seeing, documentId, version)
  if (old === undefined) throw noSuchDocument(version)
  assertServable(old, { scanner })
  return { scanStatus: old.scanStatus, copyOf: old.version }
}

import type { Tx } from '../database/client.ts'
import type { DocumentRecord } from '../database/documents.ts'
import type { Membership } from '../database/membership.ts'
import { isOwnUnverified } from '../database/trash.ts'
import { AppError } from '../errors.ts'
import { rights } from '../people/rights.ts'
import type { FirmRole } from '../vocabulary.ts'

/** What the right to a deletion, or to its undoing, says of this document. Throws `forbidden`. In the transaction that holds it. */
export async function assertMayDiscard(
  trx: Tx,
  { role, userId }: Membership,
  right: 'documents.delete' | 'documents.restore',
  document: DocumentRecord,
): Promise<void> {
  const ofAny: readonly (FirmRole | 'administrator')[] = rights[right].ofAny
  if (ofAny.includes(role) || (await isOwnUnverified(trx, document, userId))) return
  throw new AppError(
    'forbidden',
    'Of papers that others handed in, and of verified ones, this is for the firm’s administrators and supervisors.',
  )
}

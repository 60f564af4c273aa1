import type { Logger } from 'pino'

import type { Db } from '../database/client.ts'
import { recordEvent } from '../database/events.ts'
import { inTransaction } from '../database/in-transaction.ts'
import { lockDocument } from '../database/lock-document.ts'
import { moveToTrash } from '../database/trash.ts'
import { recordRefusal } from '../people/record-refusal.ts'
import { requireRight } from '../people/require-right.ts'
import { confidentialRoles, rights } from '../people/rights.ts'
import type { Actor, DocumentId, FirmId } from '../vocabulary.ts'
import { noSuchDocument } from './access-document.ts'
import { assertMayDiscard } from './assert-may-discard.ts'
import { tellAccess } from './tell-access.ts'

type Needs = { db: Db; log: Logger }

/**
 * Moves a document to the trash: nobody gets it any more, the platform neither, and all of it stays until it is restored
 * or purged. One that lies there already stays as it is. Throws `forbidden` to whoever may only with papers of their own.
 */
export async function deleteDocument(
  needs: Needs,
  actor: Actor,
  { firmId, documentId }: { firmId: FirmId; documentId: DocumentId },
): Promise<void> {
  const right = 'documents.delete'
  const membership = await requireRight(needs, actor, right, { firmId, documentId })
  const action = rights[right].event
  await recordRefusal(needs.db, actor, { action, firmId, documentId }, () =>
    inTransaction(needs.db, async (trx) => {
      const document = await lockDocument(trx, { membership, confidentialRoles }, documentId)
      if (document === undefined) throw noSuchDocument()
      await assertMayDiscard(trx, membership, right, document)
      if (document.deletedAt !== null) return
      await moveToTrash(trx, actor, document)
      await recordEvent(trx, actor, { action, outcome: 'ok', firmId, documentId, version: document.version })
    }),
  )
  tellAccess(needs.log, actor, { right, firmId, documentId, outcome: 'ok' })
}

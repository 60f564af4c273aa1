import type { Logger } from 'pino'

import type { Db } from '../database/client.ts'
import type { DocumentRecord } from '../database/documents.ts'
import { recordEvent } from '../database/events.ts'
import { inTransaction } from '../database/in-transaction.ts'
import { lockDocument } from '../database/lock-document.ts'
import { takeFromTrash } from '../database/trash.ts'
import { recordRefusal } from '../people/record-refusal.ts'
import { requireRight } from '../people/require-right.ts'
import { confidentialRoles, rights } from '../people/rights.ts'
import type { Actor, DocumentId, FirmId } from '../vocabulary.ts'
import { noSuchDocument } from './access-document.ts'
import { assertMayDiscard } from './assert-may-discard.ts'
import { bytesGone } from './assert-servable.ts'
import { tellAccess } from './tell-access.ts'

type Needs = { db: Db; log: Logger }

/**
 * Takes a document out of the trash, as it was: its versions, its review, its row of the platform's. One that is not
 * there stays as it is. Throws `forbidden` as a deletion does, and `gone` when the platform removed its bytes meanwhile.
 */
export async function restoreDocument(
  needs: Needs,
  actor: Actor,
  { firmId, documentId }: { firmId: FirmId; documentId: DocumentId },
): Promise<DocumentRecord> {
  const right = 'documents.restore'
  const membership = await requireRight(needs, actor, right, { firmId, documentId })
  const action = rights[right].event
  const restored = await recordRefusal(needs.db, actor, { action, firmId, documentId }, () =>
    inTransaction(needs.db, async (trx) => {
      const document = await lockDocument(trx, { membership, confidentialRoles }, documentId)
      if (document === undefined) throw noSuchDocument()
      await assertMayDiscard(trx, membership, right, document)
      if (document.deletedAt === null) return document
      // Shown again, the platform would point people at nothing.
      if (document.bytesState === 'removed' && document.scanStatus !== 'infected') throw bytesGone()
      await recordEvent(trx, actor, { action, outcome: 'ok', firmId, documentId, version: document.version })
      return takeFromTrash(trx, document)
    }),
  )
  tellAccess(needs.log, actor, { right, firmId, documentId, outcome: 'ok' })
  return restored
}

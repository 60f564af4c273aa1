import type { Logger } from 'pino'

import { type RightName, rights } from '../people/rights.ts'
import type { Actor, DocumentId, FirmId } from '../vocabulary.ts'

type Access = { right: RightName; firmId: FirmId; documentId: DocumentId; outcome: string }

/** The line in the log of whatever somebody did with a document, or was refused. */
export function tellAccess(log: Logger, actor: Actor, { right, firmId, documentId, outcome }: Access): void {
  log.info({
    event: 'document_access',
    action: rights[right].event,
    outcome,
    document_id: documentId,
    firm_id: firmId,
    user_id: actor.userId,
  })
}

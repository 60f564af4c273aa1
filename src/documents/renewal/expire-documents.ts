import { type EventActor, recordEvent } from '../../database/audit/events.ts'
import type { Db } from '../../database/connection/client.ts'
import { inTransaction, limitLockWait } from '../../database/connection/in-transaction.ts'
import { isLockTimeout } from '../../database/connection/postgres-errors.ts'
import { lockAndFollow } from '../../database/documents/documents.ts'
import { listPlatformAdministrators } from '../../database/mail/recipients.ts'
import { expireVersion, listExpired, takeUnreported } from '../../database/renewal/expire-versions.ts'
import { lockReminders } from '../../database/renewal/due-reminders.ts'
import { notify, type NotifyNeeds } from '../../mail/notify.ts'
import type { FirmId } from '../../vocabulary/vocabulary.ts'

/** A document that somebody is changing waits for the next run. */
const maxLockWaitMs = 1000

type Needs = NotifyNeeds & { db: Db }
type Firms = { firmIds: FirmId[]; day: string; signal: AbortSignal }

export async function countExpired(db: Db, { firmIds, day }: Firms): Promise<number> {
  return (await listExpired(db, { firmIds, day })).length
}

/**
 * Records each expiry on the day after the last one, in a transaction of its own. Returns their number. It skips a document that
 * another transaction has locked; the next run finds it again.
 */
export async function expireDue(
  { db, now }: Needs,
  actor: EventActor,
  { firmIds, day, signal }: Firms,
): Promise<number> {
  let count = 0
  for (const document of await listExpired(db, { firmIds, day })) {
    if (signal.aborted) break
    const isExpired = await inTransaction(db, async (trx) => {
      await limitLockWait(trx, maxLockWaitMs)
      await lockAndFollow(trx, document)
      const expired = await expireVersion(trx, document, { day, at: now() })
      if (expired === undefined) return false
      const { firmId, documentId, version, documentType, validUntil } = expired
      const details = { document_type: documentType, valid_until: validUntil }
      await recordEvent(trx, actor, { action: 'document.expired', outcome: 'ok', firmId, documentId, version, details })
      return true
    }).catch((error: unknown) => {
      if (isLockTimeout(error)) return false
      throw error
    })
    if (isExpired) count += 1
  }
  return count
}

const reportedAtOnce = 1000
const maxListed = 50

/** Notifies the platform's administrators of all expiries that they do not know of, in one message. */
export async function reportExpired(needs: Needs, signal: AbortSignal): Promise<void> {
  for (let isDone = false; !isDone && !signal.aborted;)
    isDone = await inTransaction(needs.db, async (trx) => {
      await lockReminders(trx)
      const administrators = await listPlatformAdministrators(trx)
      // They stay unreported until there is somebody to notify.
      if (administrators.length === 0) return true
      const expired = await takeUnreported(trx, { limit: reportedAtOnce, at: needs.now() })
      if (expired.length === 0) return true
      const documents = expired
        .slice(0, maxListed)
        .map(({ firmId, firmName, typeName, validUntil }) => ({ firmId, firmName, typeName, validUntil }))
      await notify(needs, trx, administrators, {
        kind: 'document_expired',
        facts: { count: expired.length, documents },
      })
      return false
    })
}

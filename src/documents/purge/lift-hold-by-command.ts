import { type EventActor, recordEvent } from '../../database/audit/events.ts'
import type { Db } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { lockRows } from '../../database/documents/documents.ts'
import { findHold, type HoldRecord, liftHold, type TargetOfHold } from '../../database/purge/legal-holds.ts'
import { AppError } from '../../errors/app-error.ts'

type Lift = { of: TargetOfHold; reason: string; by: string }

/**
 * Lifts a legal hold, for the command line: also of the only administrator, since the person at the machine is the second
 * one. Throws `not_found` without such a hold. `by`: for the record.
 */
export async function liftHoldOf({ db }: { db: Db }, actor: EventActor, { of, reason, by }: Lift): Promise<HoldRecord> {
  return await inTransaction(db, async (trx) => {
    const seen = await findHold(trx, of)
    if (seen === undefined) throw noSuchHold(of)
    const { firmId, documentId } = seen
    if (documentId !== null) await lockRows(trx, { firmId, documentId })
    // Again behind the lock: its reason may have changed.
    const hold = (await findHold(trx, of)) ?? seen
    if ((await liftHold(trx, { firmId, documentId }, undefined)) !== 'lifted') throw noSuchHold(of)
    const event =
      documentId === null
        ? { action: 'firm.changed', firmId, details: { hold: false, hold_reason: reason, by } }
        : { action: 'document.disposal_changed', firmId, documentId, details: { hold: false, reason, by } }
    await recordEvent(trx, actor, { ...event, outcome: 'ok' })
    return hold
  })
}

function noSuchHold(of: TargetOfHold): AppError {
  const target = 'firmId' in of ? `the firm ${of.firmId}` : `the document ${of.documentId}`
  return new AppError('not_found', `There is no legal hold on ${target}. \`hold list\` lists all holds.`)
}

import type { Db } from '../database/client.ts'
import { recordEvent } from '../database/events.ts'
import { readFirm, setFirmLock } from '../database/firms.ts'
import { inTransaction } from '../database/in-transaction.ts'
import type { Actor, FirmId } from '../vocabulary.ts'
import type { FirmSeen } from './browse-firms.ts'
import { requireRight } from './require-right.ts'

export type FirmChange = { isLocked: boolean }

/** Locks a firm, whose papers can then be read but not changed, or unlocks it. Asking for what is so already changes nothing. */
export async function changeFirm(
  { db }: { db: Db },
  actor: Actor,
  firmId: FirmId,
  { isLocked }: FirmChange,
): Promise<FirmSeen> {
  const membership = await requireRight({ db }, actor, 'firm.change', { firmId })

  return await inTransaction(db, async (trx) => {
    const changed = await setFirmLock(trx, membership, isLocked)
    if (changed !== undefined)
      await recordEvent(trx, actor, {
        action: 'firm.changed',
        outcome: 'ok',
        firmId,
        details: { is_locked: isLocked },
      })
    return { firm: changed ?? (await readFirm(trx, membership)), role: membership.role }
  })
}

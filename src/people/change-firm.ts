import type { Db } from '../database/client.ts'
import { recordEvent } from '../database/events.ts'
import { readFirm, setFirmLock } from '../database/firms.ts'
import { type Hold, setFirmHold } from '../database/holds.ts'
import { inTransaction } from '../database/in-transaction.ts'
import { type Quota, type QuotaChange, readRoom, setQuota } from '../database/quotas.ts'
import type { Actor, FirmId } from '../vocabulary.ts'
import type { FirmSeen } from './browse-firms.ts'
import { requireRight } from './require-right.ts'

/** What is left out stays as it is. */
export type FirmChange = {
  isLocked?: boolean | undefined
  quota?: QuotaChange | undefined
  hold?: Hold | undefined
}

/**
 * Locks a firm, whose papers can then be read but not changed, or unlocks it; says how much it may keep; puts a legal
 * hold on all that it has, or lifts it. Asking for what is so already changes nothing.
 */
export async function changeFirm(
  { db, usualQuota }: { db: Db; usualQuota: Quota },
  actor: Actor,
  firmId: FirmId,
  { isLocked, quota, hold }: FirmChange,
): Promise<FirmSeen> {
  const membership = await requireRight({ db }, actor, 'firm.change', { firmId })

  return await inTransaction(db, async (trx) => {
    const locked = isLocked !== undefined && (await setFirmLock(trx, membership, isLocked))
    const given = quota !== undefined && (await setQuota(trx, membership, quota))
    const held = hold !== undefined && (await setFirmHold(trx, membership, hold))
    const details = {
      ...(locked && { is_locked: isLocked }),
      ...(given && { quota }),
      ...(held && { hold: hold.isHeld, hold_reason: hold.reason }),
    }
    if (locked || given || held)
      await recordEvent(trx, actor, { action: 'firm.changed', outcome: 'ok', firmId, details })
    const room = await readRoom(trx, { firmId, usualQuota, scope: undefined })
    return { firm: await readFirm(trx, membership), role: membership.role, room }
  })
}

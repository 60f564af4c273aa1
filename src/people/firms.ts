import type { Db } from '../database/client.ts'
import { recordEvent } from '../database/events.ts'
import { readFirm, setFirmLock } from '../database/firms.ts'
import { setTimeout as wait } from 'node:timers/promises'

import { isRemovingOf } from '../database/blobs/remove-blobs.ts'
import { type Hold, setFirmHold } from '../database/holds.ts'
import { inTransaction } from '../database/in-transaction.ts'
import { type Quota, type QuotaChange, readRoom, setQuota } from '../database/quotas.ts'
import type { Actor, FirmId } from '../vocabulary.ts'
import type { FirmSeen } from './browse-firms.ts'
import { AppError } from '../errors.ts'
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

  const changed = await inTransaction(db, async (trx) => {
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
  if (hold?.isHeld === true) await untilNothingLeaves(db, firmId)
  return changed
}

const maxWaitMs = 10_000
const pauseMs = 50

/** Removals that were claimed before the hold are under way: once it is answered, nothing of the firm's goes any more. */
async function untilNothingLeaves(db: Db, firmId: FirmId): Promise<void> {
  const givesUpAt = performance.now() + maxWaitMs
  while (await isRemovingOf(db, firmId)) {
    if (performance.now() > givesUpAt)
      throw new AppError(
        'store_unavailable',
        'The hold is set, but files of documents that were purged before are still being removed. Ask again in a minute whether it is complete.',
        { retryAfterSeconds: 60 },
      )
    await wait(pauseMs)
  }
}

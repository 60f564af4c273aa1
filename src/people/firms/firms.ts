import { setTimeout as wait } from 'node:timers/promises'

import { isRemovingBlobsOf } from '../../database/blobs/remove-blobs.ts'
import type { Db } from '../../database/connection/client.ts'
import { recordEvent } from '../../database/audit/events.ts'
import {
  type Firm,
  type FirmOfPerson,
  type FirmPage,
  insertFirm,
  listEveryFirm,
  listFirmsOf,
  type NewFirm,
  readFirm,
  setFirmLock,
} from '../../database/people/firms.ts'
import { type Hold, setFirmHold } from '../../database/purge/legal-holds.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { insertMember } from '../../database/people/members.ts'
import type { Membership } from '../../database/people/membership.ts'
import { takenColumn } from '../../database/connection/postgres-errors.ts'
import {
  type Quota,
  type QuotaChange,
  readQuotaUsage,
  type QuotaUsage,
  setQuota,
} from '../../database/people/quotas.ts'
import { AppError } from '../../errors/app-error.ts'
import type { Actor, FirmId } from '../../vocabulary/vocabulary.ts'
import { requirePerson, requireRegisteredUser, requireRight } from '../require-right.ts'

type Needs = { db: Db }
type WholeNeeds = Needs & { defaultQuota: Quota }

/** Lists the firms of an active member, or every firm for an administrator. Newest first. */
export async function browseFirms({ db }: Needs, actor: Actor, page: FirmPage): Promise<FirmOfPerson[]> {
  const person = await requirePerson(db, actor, 'firms.listed')
  return person.isAdministrator ? await listEveryFirm(db, page) : await listFirmsOf(db, person.id, page)
}

export type FirmSeen = { firm: Firm; role: Membership['role']; room: QuotaUsage }

export async function viewFirm({ db, defaultQuota }: WholeNeeds, actor: Actor, firmId: FirmId): Promise<FirmSeen> {
  const membership = await requireRight({ db }, actor, 'firm.read', { firmId })
  const room = await readQuotaUsage(db, { firmId, defaultQuota })
  return { firm: await readFirm(db, membership), role: membership.role, room }
}

const takenMessages = {
  registration_number: 'There is a firm with this registration number already. Ask its administrator to add you.',
  email: 'There is a firm with this e-mail already. Ask its administrator to add you.',
}

/** Registers a firm with the caller as its first `firm_admin`. */
export async function registerFirm({ db }: { db: Db }, actor: Actor, newFirm: NewFirm): Promise<Firm> {
  const person = await requireRegisteredUser(db, actor, 'firm.registered')

  return await inTransaction(db, async (trx) => {
    const firm = await insertFirm(trx, newFirm).catch(rejectTaken)
    await insertMember(trx, {
      firmId: firm.id,
      userId: person.id,
      role: 'firm_admin',
      invitedBy: person.id,
    })
    await recordEvent(trx, actor, { action: 'firm.registered', outcome: 'ok', firmId: firm.id })
    return firm
  })
}

function rejectTaken(error: unknown): never {
  const taken = takenColumn(error, ['registration_number', 'email'])
  if (taken === undefined) throw error
  throw new AppError('conflict', takenMessages[taken], {
    cause: error,
    fields: [{ field: taken, message: 'is taken' }],
  })
}

/** Missing fields stay as they are. */
export type FirmChange = {
  isLocked?: boolean | undefined
  quota?: QuotaChange | undefined
  hold?: Hold | undefined
}

/**
 * Locks a firm, whose documents can then be read but not changed, or unlocks it; sets its quota; sets or lifts a legal
 * hold on all its data. A change to the present state does nothing.
 */
export async function changeFirm(
  { db, defaultQuota }: { db: Db; defaultQuota: Quota },
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
    const room = await readQuotaUsage(trx, { firmId, defaultQuota })
    return { firm: await readFirm(trx, membership), role: membership.role, room }
  })
  if (hold?.isHeld === true) await waitForRemovals(db, firmId)
  return changed
}

const maxWaitMs = 10_000
const pauseMs = 50

/** Waits for removals that were claimed before the hold: after the response, no file of the firm is removed. */
async function waitForRemovals(db: Db, firmId: FirmId): Promise<void> {
  const deadline = performance.now() + maxWaitMs
  while (await isRemovingBlobsOf(db, firmId)) {
    if (performance.now() > deadline)
      throw new AppError(
        'store_unavailable',
        'The hold is set, but files of documents that were purged before are still being removed. Repeat the request in a minute to check that it is complete.',
        { retryAfterSeconds: 60 },
      )
    await wait(pauseMs)
  }
}

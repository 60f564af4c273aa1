import { setTimeout as wait } from 'node:timers/promises'

import { isRemovingBlobsOf } from '../../database/blobs/remove-blobs.ts'
import type { Db, Tx } from '../../database/connection/client.ts'
import { recordEvent } from '../../database/audit/events.ts'
import {
  type Firm,
  type FirmOfPerson,
  type FirmPage,
  countRegisteredFirms,
  insertFirm,
  listEveryFirm,
  listFirmsOf,
  listFirmsOfReviewer,
  type NewFirm,
  readFirm,
  recordRegistration,
  setFirmLock,
} from '../../database/people/firms.ts'
import { lockAccountAlone } from '../../database/people/accounts.ts'
import { liftHold, lockFirmHolds, setFirmHold } from '../../database/purge/legal-holds.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { insertMember } from '../../database/people/members.ts'
import { type Membership, requireMembership } from '../../database/people/check-access.ts'
import { takenColumn } from '../../database/connection/postgres-errors.ts'
import {
  type DefaultQuota,
  type QuotaChange,
  readQuotaUsage,
  type QuotaUsage,
  setQuota,
} from '../../database/people/quota-usage.ts'
import { AppError } from '../../errors/app-error.ts'
import type { Actor, FirmId, UserId } from '../../vocabulary/vocabulary.ts'
import { requireLifted } from '../require-second-person.ts'
import {
  recordDenial,
  requirePerson,
  requireRegisteredUser,
  requireRight,
  requireRightToRead,
} from '../require-right.ts'
import { rights } from '../rights.ts'

type Needs = { db: Db }
type WholeNeeds = Needs & { defaultQuota: DefaultQuota }

/**
 * Lists the firms of an active member, or every firm for an administrator or a reviewer, whose read leaves an event. Newest
 * first.
 */
export async function browseFirms({ db }: Needs, actor: Actor, page: FirmPage): Promise<FirmOfPerson[]> {
  const action = 'firms.listed'
  const person = await requirePerson(db, actor, action)
  if (person.isAdministrator || person.isReviewer) await recordEvent(db, actor, { action, outcome: 'ok' })
  if (person.isAdministrator) return await listEveryFirm(db, page)
  return person.isReviewer ? await listFirmsOfReviewer(db, person.id, page) : await listFirmsOf(db, person.id, page)
}

export type FirmSeen = { firm: Firm; role: Membership['role']; room: QuotaUsage }

export async function viewFirm({ db, defaultQuota }: WholeNeeds, actor: Actor, firmId: FirmId): Promise<FirmSeen> {
  const membership = await requireRightToRead({ db }, actor, 'firm.read', { firmId })
  const room = await readQuotaUsage(db, { firmId, defaultQuota })
  return { firm: await readFirm(db, membership), role: membership.role, room }
}

const takenMessages = {
  registration_number: 'There is a firm with this registration number already. Ask its administrator to add you.',
  email: 'There is a firm with this e-mail already. Ask its administrator to add you.',
}

/** `firmsPerPerson`: `FIRMS_PER_PERSON`; undefined: no limit. */
type RegisterNeeds = { db: Db; firmsPerPerson: number | undefined }

/**
 * Registers a firm with the caller as its first `firm_admin`. Throws `conflict` for a taken registration number or e-mail,
 * and `too_many_firms`; administrators of the platform have no limit.
 */
export async function registerFirm(needs: RegisterNeeds, actor: Actor, newFirm: NewFirm): Promise<Firm> {
  const { db, firmsPerPerson } = needs
  const action = 'firm.registered'
  const person = await requireRegisteredUser(db, actor, action)
  const maxFirms = person.isAdministrator ? undefined : firmsPerPerson

  return await recordDenial(db, actor, { action }, () =>
    inTransaction(db, async (trx) => {
      if (maxFirms !== undefined) await assertMayRegisterOneMore(trx, person.id, maxFirms)
      return await addFirm(trx, actor, newFirm)
    }),
  )
}

/** Locks the account, so that of concurrent requests each sees the firm of the one before. */
async function assertMayRegisterOneMore(trx: Tx, userId: UserId, maxFirms: number): Promise<void> {
  await lockAccountAlone(trx, userId)
  if ((await countRegisteredFirms(trx, userId)) < maxFirms) return
  const firms = `${maxFirms} ${maxFirms === 1 ? 'firm' : 'firms'}`
  throw new AppError(
    'too_many_firms',
    `You have registered ${firms}, the maximum for one person. Ask the platform’s support to register another one.`,
  )
}

async function addFirm(trx: Tx, actor: Actor, newFirm: NewFirm): Promise<Firm> {
  const firm = (await insertFirm(trx, newFirm).catch(rejectTaken)) ?? taken('registration_number')
  await recordRegistration(trx, firm.id, actor.userId)
  await insertMember(trx, {
    firmId: firm.id,
    userId: actor.userId,
    role: 'firm_admin',
    invitedBy: actor.userId,
  })
  // Again, because the membership waited for the account: the person may have been locked or erased meanwhile.
  await requireMembership(trx, { caller: actor, firmId: firm.id, right: rights['members.leave'] })
  await recordEvent(trx, actor, { action: 'firm.registered', outcome: 'ok', firmId: firm.id })
  return firm
}

function rejectTaken(error: unknown): never {
  const column = takenColumn(error, ['registration_number', 'email'])
  if (column === undefined) throw error
  taken(column, error)
}

function taken(field: keyof typeof takenMessages, cause?: unknown): never {
  throw new AppError('conflict', takenMessages[field], { cause, fields: [{ field, message: 'is taken' }] })
}

/** Missing fields stay as they are. */
export type FirmChange = {
  isLocked?: boolean | undefined
  quota?: QuotaChange | undefined
  hold?: { isHeld: boolean; reason: string | null } | undefined
}

/**
 * Locks a firm, whose documents can then be read but not changed, or unlocks it; sets its quota; sets or lifts a legal
 * hold on all its data. A change to the present state does nothing. Throws `second_person_required` to the person who set the
 * hold that is to be lifted.
 */
export async function changeFirm(
  { db, defaultQuota }: { db: Db; defaultQuota: DefaultQuota },
  actor: Actor,
  firmId: FirmId,
  { isLocked, quota, hold }: FirmChange,
): Promise<FirmSeen> {
  const membership = await requireRight({ db }, actor, 'firm.change', { firmId })

  const event = { action: 'firm.changed', firmId }
  const changed = await recordDenial(db, actor, event, () =>
    inTransaction(db, async (trx) => {
      const locked = isLocked !== undefined && (await setFirmLock(trx, membership, isLocked))
      const given = quota !== undefined && (await setQuota(trx, membership, quota))
      const held = hold !== undefined && (await changeHold(trx, actor, membership, hold))
      const details = {
        ...(locked && { is_locked: isLocked }),
        ...(given && { quota }),
        ...(held && { hold: hold.isHeld, hold_reason: hold.reason }),
      }
      // Behind the locks: the person may have been locked or may have lost the role meanwhile.
      await requireMembership(trx, { caller: actor, firmId, right: rights['firm.change'] })
      if (locked || given || held) await recordEvent(trx, actor, { ...event, outcome: 'ok', details })
      const room = await readQuotaUsage(trx, { firmId, defaultQuota })
      return { firm: await readFirm(trx, membership), role: membership.role, room }
    }),
  )
  if (hold?.isHeld === true) await waitForRemovals(db, firmId)
  return changed
}

async function changeHold(
  trx: Tx,
  actor: Actor,
  { firmId, userId }: Membership,
  { isHeld, reason }: { isHeld: boolean; reason: string | null },
): Promise<boolean> {
  await lockFirmHolds(trx, firmId, 'alone')
  if (isHeld) return await setFirmHold(trx, firmId, { reason, by: userId })
  const target = { firmId, documentId: null }
  return requireLifted(await liftHold(trx, target, userId), target)
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

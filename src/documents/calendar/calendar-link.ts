import { type EventActor, recordEvent } from '../../database/audit/events.ts'
import type { Db } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import {
  type Calendar,
  deleteCalendar,
  deleteCalendarWithoutMaker,
  findCalendar,
  findCalendarOf,
  listCalendarDays,
  replaceCalendar,
} from '../../database/exports/calendars.ts'
import { lockMembersOf } from '../../database/people/firms.ts'
import { type Membership, requireMembership } from '../../database/people/check-access.ts'
import { AccessDenied, AppError } from '../../errors/app-error.ts'
import { requireRight } from '../../people/require-right.ts'
import { changeMembersOf } from '../../people/firms/members.ts'
import { calendarFeed } from '../../people/rights.ts'
import { createSecret, hashSecret } from '../../vocabulary/secrets.ts'
import type { Actor, Clock, FirmId, Visitor } from '../../vocabulary/vocabulary.ts'
import { formatCalendar } from './format-calendar.ts'

type Needs = { db: Db; now: Clock }

/** Makes the secret link of the firm's calendar. An earlier one ends. Returns the secret, which is stored nowhere. */
export async function createCalendar({ db, now }: Needs, actor: Actor, firmId: FirmId): Promise<string> {
  return await changeMembersOf({ db }, actor, { firmId, right: 'calendar.change' }, async (trx, membership) => {
    const secret = createSecret()
    await replaceCalendar(trx, membership, { sha256: hashSecret(secret), createdAt: now() })
    await recordEvent(trx, actor, { action: 'calendar.created', outcome: 'ok', firmId })
    return secret
  })
}

/** When the link was made, and by whom; undefined: there is none, or its maker lost the right. */
export async function describeCalendar(
  { db }: Pick<Needs, 'db'>,
  actor: Actor,
  firmId: FirmId,
): Promise<Pick<Calendar, 'createdAt' | 'createdBy'> | undefined> {
  const membership = await requireRight({ db }, actor, 'calendar.change', { firmId })
  return await findCalendarOf(db, membership)
}

/** Ends the link. A repeat changes nothing. */
export async function revokeCalendar({ db }: Needs, actor: Actor, firmId: FirmId): Promise<void> {
  await changeMembersOf({ db }, actor, { firmId, right: 'calendar.change' }, async (trx, membership) => {
    if (await deleteCalendar(trx, membership))
      await recordEvent(trx, actor, { action: 'calendar.deleted', outcome: 'ok', firmId })
  })
}

/** The feed of a link, as iCalendar. Throws `not_found` unless the person who made it may make it now. */
export async function readCalendar({ db }: Pick<Needs, 'db'>, visitor: Visitor, secret: string): Promise<string> {
  const calendar = await findCalendar(db, hashSecret(secret))
  if (calendar === undefined) throw noSuchCalendar()
  const membership = await membershipOfMaker(db, visitor, calendar)
  return formatCalendar(calendar, await listCalendarDays(db, membership))
}

async function membershipOfMaker(db: Db, visitor: Visitor, calendar: Calendar): Promise<Membership> {
  const { firmId, createdBy: userId } = calendar
  const caller = { userId, sessionId: undefined, apiKeyId: undefined }
  try {
    return await requireMembership(db, { caller, firmId, right: calendarFeed })
  } catch (error) {
    if (!(error instanceof AccessDenied)) throw error
    // A lock of the account ends: then the link works again.
    if (error.denial !== 'account_locked') await endCalendarWithoutMaker(db, { ...visitor, userId: null }, firmId)
    throw noSuchCalendar()
  }
}

/** Where the platform took the right, no transaction of ours ended the link. Its next use does, so that it never works again. */
async function endCalendarWithoutMaker(db: Db, actor: EventActor, firmId: FirmId): Promise<void> {
  await inTransaction(db, async (trx) => {
    await lockMembersOf(trx, firmId)
    if (await deleteCalendarWithoutMaker(trx, firmId))
      await recordEvent(trx, actor, {
        action: 'calendar.deleted',
        outcome: 'ok',
        firmId,
        details: { reason: 'membership_changed' },
      })
  })
}

function noSuchCalendar(): AppError {
  return new AppError(
    'not_found',
    'There is no such calendar, or not any more. Ask the firm’s administrator for a new link.',
  )
}

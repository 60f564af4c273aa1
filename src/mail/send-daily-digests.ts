import type { Db } from '../database/connection/client.ts'
import { inTransaction } from '../database/connection/in-transaction.ts'
import {
  endWaiting,
  findDailyRecipient,
  insertDailyMail,
  listPeopleWhoWait,
  lockWaiting,
  type WaitingMessage,
} from '../database/mail/daily-digests.ts'
import { dayInJohannesburg, morningInJohannesburg } from '../vocabulary/days.ts'
import { stableId, type UserId } from '../vocabulary/vocabulary.ts'
import { composeMessage } from './templates/compose-mail.ts'
import type { DailyDigestFacts } from './templates/daily-digest.ts'
import type { MailFacts, MailKind } from './templates/mail-kinds.ts'

const peopleAtOnce = 200
/** A mail must stay readable: of the others it has the subjects. */
const maxInFull = 50
/** What is more waits for the next day. */
const maxInOneMail = 500

type Needs = { db: Db; publicUrl: string | undefined }
export type DailyRun = { asOf: Date; signal: AbortSignal }
/** `isComplete`: false after an abort; a second run continues. */
export type DailyDigests = { mails: number; messages: number; isComplete: boolean }

/**
 * Queues one mail to each person who chose so, with the messages that waited at 08:00 in South Africa. Later ones wait for the
 * next day. It may be killed, run twice at once and run again: a mail is one transaction, and its id is made of the person
 * and the day, so each message is in one mail and each day has one.
 */
export async function sendDailyDigests(needs: Needs, { asOf, signal }: DailyRun): Promise<DailyDigests> {
  const sent: DailyDigests = { mails: 0, messages: 0, isComplete: true }
  const day = dayInJohannesburg(asOf)
  const visibleAt = morningInJohannesburg(day)
  if (asOf < visibleAt) return sent
  let after: UserId | null = null
  while (!signal.aborted) {
    const people: UserId[] = await listPeopleWhoWait(needs.db, { visibleAt, after, limit: peopleAtOnce })
    after = people.at(-1) ?? null
    if (after === null) return sent
    for (const userId of people) {
      if (signal.aborted) break
      const count = await sendTo(needs, userId, { day, visibleAt })
      if (count > 0) sent.mails += 1
      sent.messages += count
    }
  }
  return { ...sent, isComplete: false }
}

/** Returns the number of messages in the mail; 0: there is none. */
async function sendTo(
  { db, publicUrl }: Needs,
  userId: UserId,
  { day, visibleAt }: { day: string; visibleAt: Date },
): Promise<number> {
  return await inTransaction(db, async (trx) => {
    const waiting = await lockWaiting(trx, userId, { visibleAt, limit: maxInOneMail })
    const recipient = await findDailyRecipient(trx, userId)
    // They wait until the lock of the person ends.
    if (waiting.length === 0 || recipient?.isShutOut === true) return 0
    const ids = waiting.map(({ id }) => id)
    if (recipient === undefined || recipient.email === '' || recipient.mail === 'off') {
      await endWaiting(trx, ids)
      return 0
    }
    const mail = { id: stableId('daily digest', userId, day), userId, recipient: recipient.email, kind: 'daily_digest' }
    const isNew = await insertDailyMail(trx, { ...mail, facts: factsOf(waiting, publicUrl) }, ids)
    return isNew ? ids.length : 0
  })
}

function factsOf(waiting: WaitingMessage[], publicUrl: string | undefined): DailyDigestFacts {
  // Only `notify` inserts messages, with a kind and its facts.
  const letters = waiting.map(({ kind, facts }) =>
    composeMessage(kind as MailKind, facts as MailFacts[MailKind], publicUrl),
  )
  return { messages: letters.slice(0, maxInFull), subjects: letters.slice(maxInFull).map(({ subject }) => subject) }
}

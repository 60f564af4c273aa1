import { sql } from 'kysely'

import type { Db } from '../../src/database/connection/client.ts'
import type { ReceivedMail } from '../mail/mail-server.ts'
import { addDays } from './renewal-scene.ts'
import type { SeededFirm, SeededPerson } from './seed-firms.ts'

type Seeded = { firms: SeededFirm[]; administrators: SeededPerson[]; firstDay: string; days: number }

export type ReminderCounts = {
  digests: number
  messages: Record<string, number>
  /** By kind: those that the server got, each Message-ID once. */
  mails: Record<string, number>
  /** Mails that the server got again, under the same Message-ID. */
  repeats: number
  expired: number
}

const stages = new Set([90, 60, 30, 14, 7, 1, 0])

/** Compares all that was sent with what the last days of the documents require, by a calculation of its own. */
export async function compareReminders(
  db: Db,
  seeded: Seeded,
  received: ReceivedMail[],
): Promise<ReminderCounts & { differences: string[] }> {
  const { firms, administrators } = seeded
  const people = [...firms.flatMap(({ admins }) => admins), ...administrators]
  const messages = await readMessages(db)
  const digests = await readDigests(db)
  const { mails, repeats, differences } = await compareMails(db, received)
  const differing = [
    ...differences,
    ...compareSets('digest', expectedDigests(seeded), digests),
    ...compareSets('reminder', expectedReminders(seeded), reminders(messages)),
    ...compareMailed(seeded, messages, people),
    ...compareExpired(seeded, messages),
  ]
  const expired = expectedExpired(seeded)
  return { digests: digests.length, messages: countBy(messages), mails, repeats, expired, differences: differing }
}

/** `firm day version=days left …` of each digest that is due. On the first day everything within 90 days is late. */
function expectedDigests({ firms, firstDay, days }: Seeded): string[] {
  return firms.flatMap(({ id, documents }) =>
    Array.from({ length: days }, (_one, day) => {
      const due = documents.flatMap(({ version, lastDay }) => {
        const left = daysBetween(addDays(firstDay, day), lastDay)
        const isDue = day === 0 ? left <= 90 : stages.has(left)
        return isDue ? [`${version}=${left}`] : []
      })
      return due.length === 0 ? [] : [[id, addDays(firstDay, day), ...due.toSorted()].join(' ')]
    }).flat(),
  )
}

function expectedReminders(seeded: Seeded): string[] {
  const admins = new Map(seeded.firms.map(({ id, admins: some }) => [id as string, some]))
  return expectedDigests(seeded).flatMap((digest) => {
    const [firm = '', day] = digest.split(' ')
    return (admins.get(firm) ?? []).map((admin) => `${admin.id} ${firm} ${day}`)
  })
}

function expectedExpired({ firms, firstDay, days }: Seeded): number {
  const lastMorning = addDays(firstDay, days)
  return firms.flatMap(({ documents }) => documents).filter(({ lastDay }) => lastDay < lastMorning).length
}

const daysBetween = (from: string, to: string) => Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000)

type MessageRow = {
  userId: string
  kind: string
  firmId: string | null
  day: string
  count: number
  mailedAt: Date | null
}

async function readMessages(db: Db): Promise<MessageRow[]> {
  const { rows } = await sql<MessageRow>`
    select user_id as "userId", kind, firm_id as "firmId", mailed_at as "mailedAt",
      to_char(created_at at time zone 'Africa/Johannesburg', 'YYYY-MM-DD') as day, coalesce((facts->>'count')::int, 0) as count
    from document_messages`.execute(db)
  return rows
}

async function readDigests(db: Db): Promise<string[]> {
  const { rows } = await sql<{ digest: string }>`
    select concat_ws(' ', firm_id, day, (
      select string_agg(concat(each->>'version_id', '=', each->>'days_left'), ' ' order by each->>'version_id')
      from jsonb_array_elements(documents) as each)) as digest
    from document_digests`.execute(db)
  return rows.map(({ digest }) => digest)
}

function reminders(messages: MessageRow[]): string[] {
  const some = messages.filter(({ kind }) => kind === 'renewal_reminder')
  return some.map(({ userId, firmId, day }) => `${userId} ${firmId} ${day}`)
}

/** Each mail of the queue was received under its own Message-ID, by one person, and no other mail was. */
async function compareMails(db: Db, received: ReceivedMail[]) {
  const { rows } = await sql<{ id: string; kind: string; recipient: string; sent: boolean }>`
    select id, kind, recipient, sent_at is not null as sent from document_mails`.execute(db)
  const recipients = Map.groupBy(received, ({ messageId }) => /^<([^@]+)@/.exec(messageId ?? '')?.[1] ?? 'none')
  const queued = rows.map(({ id, recipient }) => `${id} ${recipient}`)
  const arrived = [...recipients].flatMap(([id, mails]) =>
    [...new Set(mails.map(({ to }) => to.join()))].map((to) => `${id} ${to}`),
  )
  const unsent = rows
    .filter(({ sent }) => !sent)
    .map(({ id, kind }) => `mail ${id} of ${kind} was not recorded as sent`)
  const differences = [...unsent, ...compareSets('mail', queued, arrived)]
  return { mails: countBy(rows), repeats: received.length - recipients.size, differences }
}

/**
 * Who turned mails off got none; everybody else got each message in one. Those of the last morning would be in the daily mail of
 * the next day.
 */
function compareMailed({ firstDay, days }: Seeded, messages: MessageRow[], people: SeededPerson[]): string[] {
  const lastMorning = addDays(firstDay, days)
  const choices = new Map<string, string>(people.map(({ id, mail }) => [id, mail]))
  return messages
    .filter(({ day }) => day !== lastMorning)
    .filter(({ userId, mailedAt }) => (choices.get(userId) === 'off') === (mailedAt !== null))
    .map(({ userId, kind }) => `${kind} to ${userId}, who chose ${choices.get(userId)}, was mailed wrongly or not`)
}

/** Each administrator of the platform was notified of every expiry once, in one or more messages. */
function compareExpired(seeded: Seeded, messages: MessageRow[]): string[] {
  const expected = seeded.administrators.map(({ id }) => `${id} ${expectedExpired(seeded)}`)
  const notified = seeded.administrators.map(({ id }) => {
    const some = messages.filter(({ userId, kind }) => userId === id && kind === 'document_expired')
    return `${id} ${some.reduce((sum, { count }) => sum + count, 0)}`
  })
  return compareSets('expiries', expected, notified)
}

const maxNamed = 10

/** Also finds what is there twice. */
function compareSets(what: string, expected: string[], found: string[]): string[] {
  const left = Map.groupBy(found, (each) => each)
  const missing = expected.filter((each) => left.get(each)?.length !== 1)
  const wanted = new Set(expected)
  const other = [...left.keys()].filter((each) => !wanted.has(each))
  return [
    ...missing.slice(0, maxNamed).map((each) => `${what} ${left.get(each)?.length ?? 0} times: ${each}`),
    ...other.slice(0, maxNamed).map((each) => `${what} that is not due: ${each}`),
  ]
}

function countBy(rows: { kind: string }[]): Record<string, number> {
  const kinds = Map.groupBy(rows, ({ kind }) => kind)
  return Object.fromEntries([...kinds].map(([kind, some]) => [kind, some.length]))
}

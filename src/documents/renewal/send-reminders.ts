import { type EventActor, recordEvent } from '../../database/audit/events.ts'
import type { Db, Tx } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import {
  countFirms,
  type EndingVersion,
  listAdministratorsOfFirms,
  listDue,
  listFirmIds,
  lockReminders,
} from '../../database/renewal/due-reminders.ts'
import { insertDigests, recordSaid, type Said } from '../../database/renewal/record-reminders.ts'
import { notifyEach, type NotifyNeeds } from '../../mail/notify.ts'
import { dayInJohannesburg, morningInJohannesburg } from '../../vocabulary/days.ts'
import { type FirmId, stableId, type UserId } from '../../vocabulary/vocabulary.ts'
import { countExpired, expireDue, reportExpired } from './expire-documents.ts'

/** Contract §8: days before the end of a document, and its last day. */
export const reminderDays = [0, 1, 7, 14, 30, 60, 90] as const

const firmsAtOnce = 200
/** The others are counted: a mail must stay readable. */
const maxListed = 50

export type ReminderNeeds = NotifyNeeds & { db: Db }

export type ReminderRun = {
  asOf: Date
  /** Nothing is changed. */
  isDryRun: boolean
  signal: AbortSignal
  /** After each batch of firms. */
  onProgress?: (done: { firms: number; of: number }) => void
}

export type Digest = { firmId: FirmId; recipients: UserId[]; documents: EndingVersion[] }

/** `expiring`: events of this run. `isComplete`: false after an abort; a second run continues. */
export type Reminded = { digests: Digest[]; expiring: number; expired: number; isComplete: boolean }

/**
 * Sends what is due at a time: one digest of reminders to the administrators of each firm with one on this day, from 08:00 on,
 * and what follows from the end of a document on the day after it. A day that was missed is in the next digest. It may be
 * killed, run twice at once and run again: each digest and each expiry is one transaction, and happens once.
 */
export async function sendReminders(needs: ReminderNeeds, actor: EventActor, run: ReminderRun): Promise<Reminded> {
  const { db } = needs
  const reminded: Reminded = { digests: [], expiring: 0, expired: 0, isComplete: false }
  const of = await countFirms(db)
  let after: FirmId | null = null
  for (let firms = 0; !run.signal.aborted;) {
    const firmIds: FirmId[] = await listFirmIds(db, { after, limit: firmsAtOnce })
    after = firmIds.at(-1) ?? after
    if (firmIds.length === 0) {
      reminded.isComplete = true
      break
    }
    await remindFirms(needs, actor, { run, firmIds, reminded })
    run.onProgress?.({ firms: (firms += firmIds.length), of })
  }
  if (!run.isDryRun) await reportExpired(needs, run.signal)
  return reminded
}

type Batch = { run: ReminderRun; firmIds: FirmId[]; reminded: Reminded }

async function remindFirms(needs: ReminderNeeds, actor: EventActor, { run, firmIds, reminded }: Batch): Promise<void> {
  const day = dayInJohannesburg(run.asOf)
  const about = { firmIds, day, signal: run.signal }
  if (run.isDryRun) {
    reminded.expired += await countExpired(needs.db, about)
    const planned = await planDigests(needs.db, run, firmIds)
    reminded.digests.push(...planned.digests)
    reminded.expiring += planned.expiring.length
    return
  }
  // After the digests: the last one of a document may be late, and names it as expired.
  const { digests, expiring } = await inTransaction(needs.db, async (trx) => {
    await lockReminders(trx)
    return await sendDigests(needs, trx, actor, { day, ...(await planDigests(trx, run, firmIds)) })
  })
  reminded.digests.push(...digests)
  reminded.expiring += expiring.length
  reminded.expired += await expireDue(needs, actor, about)
}

type Plan = { digests: Digest[]; expiring: EndingVersion[] }

async function planDigests(db: Db | Tx, { asOf }: ReminderRun, firmIds: FirmId[]): Promise<Plan> {
  const day = dayInJohannesburg(asOf)
  const remindersAreDue = asOf >= morningInJohannesburg(day)
  const due = await listDue(db, { firmIds, day, reminderDays, remindersAreDue })
  const reminders = Map.groupBy(
    due.filter((version) => version.reminderDays !== null),
    ({ firmId }) => firmId,
  )
  const administrators = await listAdministratorsOfFirms(db, [...reminders.keys()])
  const digests = [...reminders].flatMap(([firmId, documents]) => {
    const recipients = administrators.get(firmId)
    // Without anybody to remind, the reminder waits until there is somebody.
    return recipients === undefined ? [] : [{ firmId, recipients, documents }]
  })
  return { digests, expiring: due.filter(({ isNewlyExpiring }) => isNewlyExpiring) }
}

/** In the transaction of `lockReminders`. */
async function sendDigests(
  needs: ReminderNeeds,
  trx: Tx,
  actor: EventActor,
  { day, digests, expiring }: Plan & { day: string },
): Promise<Plan> {
  const at = needs.now()
  const idOf = (firmId: FirmId) => stableId('digest', firmId, day)
  const rows = digests.map(({ firmId, recipients, documents }) => ({
    id: idOf(firmId),
    firmId,
    day,
    recipients: recipients.length,
    documents: documents.map(({ versionId, daysLeft }) => ({ version_id: versionId, days_left: daysLeft })),
  }))
  const inserted = await insertDigests(trx, rows, at)
  const sent = digests.filter(({ firmId }) => inserted.has(firmId))
  const messages = sent.flatMap((digest) => {
    const id = idOf(digest.firmId)
    const facts = factsOf(digest)
    return digest.recipients.map((userId) => ({
      id: stableId(id, userId),
      userId,
      firmId: digest.firmId,
      aboutId: id,
      facts,
    }))
  })
  await notifyEach(needs, trx, 'renewal_reminder', messages)
  const reminded = sent.flatMap(({ documents }) => documents)
  await recordSaid(trx, saidOf({ reminded, expiring, at }))
  for (const { firmId, documentId, version, documentType, validUntil, daysLeft } of expiring) {
    const details = { document_type: documentType, valid_until: validUntil, days_left: daysLeft }
    await recordEvent(trx, actor, { action: 'document.expiring', outcome: 'ok', firmId, documentId, version, details })
  }
  return { digests: sent, expiring }
}

function factsOf({ firmId, documents }: Digest) {
  return {
    firmId,
    firmName: documents[0]?.firmName ?? '',
    documents: documents.slice(0, maxListed).map(({ documentId, typeName, validUntil, daysLeft, newer }) => ({
      documentId,
      typeName,
      validUntil,
      daysLeft,
      newer,
    })),
    more: Math.max(0, documents.length - maxListed),
  }
}

function saidOf({
  reminded,
  expiring,
  at,
}: {
  reminded: EndingVersion[]
  expiring: EndingVersion[]
  at: Date
}): Said[] {
  const sent = new Set(reminded)
  return [...new Set([...reminded, ...expiring])].map((version) => ({
    firmId: version.firmId,
    versionId: version.versionId,
    validUntil: version.validUntil,
    remindedDays: sent.has(version) ? version.reminderDays : null,
    expiringAt: version.isNewlyExpiring ? at : null,
    expiredAt: null,
  }))
}

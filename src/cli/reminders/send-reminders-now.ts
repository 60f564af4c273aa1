import { randomUUID } from 'node:crypto'

import { systemActor } from '../../database/audit/events.ts'
import { readClock } from '../../database/connection/client.ts'
import { type Digest, type Reminded, sendReminders } from '../../documents/renewal/send-reminders.ts'
import { dayInJohannesburg, morningInJohannesburg } from '../../vocabulary/days.ts'
import type { CommandNeeds } from '../command/run-command.ts'
import { withDatabase } from '../command/with-database.ts'
import { CommandFailed } from '../printing/explain-failure.ts'
import { formatCount, type Printer } from '../printing/printer.ts'
import type { RemindersOptions } from './reminder-commands.ts'

const progressEveryMs = 10_000

/** `reminders send`. Throws `CommandFailed` when it was stopped before the end. */
export async function sendRemindersNow(needs: CommandNeeds, options: RemindersOptions): Promise<void> {
  const { config, print, signal } = needs
  const isDryRun = options.dryRun === true
  let shownAt = performance.now()
  const { asOf, reminded } = await withDatabase(needs, async ({ db }) => {
    const now = await readClock(db)
    const time = options.asOf ?? now()
    const mailIsOn = config.mail !== undefined
    const result = await sendReminders({ db, now, mailIsOn }, systemActor(randomUUID()), {
      asOf: time,
      isDryRun,
      signal,
      onProgress({ firms, of }) {
        if (print.isJson || performance.now() - shownAt < progressEveryMs) return
        shownAt = performance.now()
        print.text(`${formatCount(firms)} of ${formatCount(of, 'firm')}`)
      },
    })
    return { asOf: time, reminded: result }
  })
  print.json({ as_of: asOf.toISOString(), dry_run: isDryRun, digests: reminded.digests.map(toJson) })
  printResult(print, { asOf, isDryRun, reminded })
  if (config.mail === undefined && reminded.digests.length > 0)
    print.text(`${print.mark('note')} SMTP_URL is not set: people find messages here, and get no mail.`)
  if (!reminded.isComplete) throw new CommandFailed()
}

function toJson({ firmId, recipients, documents }: Digest): object {
  return {
    firm_id: firmId,
    recipients: recipients.length,
    documents: documents.map(({ documentId, documentType, validUntil, daysLeft }) => ({
      document_id: documentId,
      document_type: documentType,
      valid_until: validUntil,
      days_left: daysLeft,
    })),
  }
}

type Result = { asOf: Date; isDryRun: boolean; reminded: Reminded }

function printResult(print: Printer, { asOf, isDryRun, reminded }: Result): void {
  const { digests, expired, isComplete } = reminded
  const day = dayInJohannesburg(asOf)
  for (const { firmId, recipients, documents } of digests) {
    print.text(`${firmId}  to ${formatCount(recipients.length, 'administrator')}`)
    for (const { documentType, documentId, validUntil, daysLeft } of documents)
      print.text(`  ${documentType} ${documentId}, valid until ${validUntil}, ${daysLeft} days left`)
  }
  if (asOf < morningInJohannesburg(day))
    print.text(`${print.mark('note')} The digests of ${day} are due from 08:00 in South Africa.`)
  const what = `${formatCount(digests.length, 'digest')}, ${formatCount(expired, 'expired document')}`
  print.text(`${print.mark(isComplete)} ${day}: ${what}${isDryRun ? ' (dry run: nothing was changed)' : ''}.`)
  if (!isComplete) print.text('It was stopped. Run it again to send the rest.')
}

import { randomUUID } from 'node:crypto'

import { systemActor } from '../../database/audit/events.ts'
import { type Db, readClock } from '../../database/connection/client.ts'
import { listUndelivered, type UndeliveredMail, type UndeliveredRecord } from '../../database/mail/undelivered-mails.ts'
import { describeUndelivered } from '../../operations/manage-mails.ts'
import { retryMail } from '../../mail/retry-mail.ts'
import type { CommandNeeds } from '../command/run-command.ts'
import { withDatabase } from '../command/with-database.ts'
import { formatCount, type Printer } from '../printing/printer.ts'

const pageSize = 500

/** `mail list`. */
export async function listMails(needs: CommandNeeds): Promise<void> {
  const { config, print } = needs
  await withDatabase(needs, async ({ db }) => {
    let count = 0
    for await (const mail of eachUndelivered(db)) {
      count += 1
      print.json(describeUndelivered(mail))
      printMail(print, mail)
    }
    print.text(count === 0 ? `${print.mark(true)} Every mail was delivered.` : formatCount(count, 'undelivered mail'))
    if (count > 0 && config.mail === undefined)
      print.text(`${print.mark('note')} SMTP_URL is not set, so no mail is sent. Set it, or the mails stay here.`)
  })
}

async function* eachUndelivered(db: Db): AsyncGenerator<UndeliveredRecord> {
  let after: { at: string; id: string } | undefined
  for (;;) {
    const page = await listUndelivered(db, { limit: pageSize, after })
    yield* page
    const last = page.at(-1)
    if (page.length < pageSize || last === undefined) return
    after = { at: last.queuedAtExact, id: last.id }
  }
}

function printMail(print: Printer, { id, kind, recipient, state, attempts, dueAt, error }: UndeliveredMail): void {
  const next = state === 'given_up' ? 'given up' : `next attempt ${dueAt?.toISOString() ?? ''}`
  print.text(`${print.mark(state === 'waiting' ? 'note' : false)} ${id}  ${kind} to ${recipient}`)
  print.text(`  ${formatCount(attempts, 'attempt')}, ${next}${error === null ? '' : `: ${error}`}`)
}

/** `mail retry`. */
export async function retryMailsNow(needs: CommandNeeds, id: string | undefined): Promise<void> {
  const { config, print } = needs
  const retried = await withDatabase(needs, async ({ db }) =>
    retryMail({ db, now: await readClock(db) }, systemActor(randomUUID()), id),
  )
  print.json({ retried })
  if (retried === 0) return print.text(`${print.mark(true)} No mail has to be sent again.`)
  print.text(
    `${print.mark(true)} The running service sends ${formatCount(retried, 'mail')} within seconds; \`mail list\` shows the result.`,
  )
  if (config.mail === undefined) print.text(`${print.mark('note')} SMTP_URL is not set here. The service needs it.`)
}

// One of several workers of `kill-reminders.ts`, in a process of its own: it does the work of each day that its parent sends.
import { loadConfig } from '../../src/config/load-config.ts'
import { systemActor } from '../../src/database/audit/events.ts'
import { openDatabase } from '../../src/database/connection/client.ts'
import { sendReminders } from '../../src/documents/renewal/send-reminders.ts'
import { createLogger } from '../../src/logging/logger.ts'
import { deliverMail } from '../../src/mail/deliver-mail.ts'
import { sendDailyDigests } from '../../src/mail/send-daily-digests.ts'
import { createMailSender } from '../../src/mail/smtp.ts'

/** What the parent sends, as ISO 8601; the answer is the same. */
export type Morning = { asOf: string }

const config = loadConfig(process.env)
const { mail, database } = config
if (mail === undefined || database.kind !== 'external') throw new Error('the worker has no mail server or no database')
const log = createLogger({ level: 'warn', isTerminal: false, destination: process.stderr })
const { db } = openDatabase({ connectionString: database.url, max: 3 }, log)
const send = createMailSender(mail)
const keys = { unsubscribeLinks: [Buffer.alloc(32, 'a key')] }
const { signal } = new AbortController()

/** Everything that the jobs and the mail delivery of a running service do on one morning. */
async function work(asOf: Date): Promise<void> {
  // The work happens half a minute after it is due.
  const now = () => new Date(asOf.getTime() + 30_000)
  const run = { asOf, isDryRun: false, signal }
  await sendReminders({ db, now, mailIsOn: true }, systemActor('a worker of a test'), run)
  await sendDailyDigests({ db, publicUrl: mail?.publicUrl }, { asOf, signal })
  await deliverMail({ db, log, now, send, publicUrl: mail?.publicUrl ?? '', keys }, signal)
}

process.on('disconnect', () => process.exit(0))
process.on('message', (morning: Morning) => {
  work(new Date(morning.asOf)).then(
    () => process.send?.(morning),
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`)
      process.exit(1)
    },
  )
})
process.send?.('ready')

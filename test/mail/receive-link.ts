import { deliverMail } from '../../src/mail/deliver-mail.ts'
import { createMailSender } from '../../src/mail/smtp.ts'
import type { TestService } from '../support/service/start-service.ts'
import type { MailServerForTests } from './mail-server.ts'

type Place = { service: TestService; mailServer: MailServerForTests }

/** Sends all mail that is due. */
export async function sendMails({ app }: TestService): Promise<void> {
  const { db, log, config, now, keys } = app
  const { mail } = config
  if (mail === undefined) throw new Error('mail is off')
  const later = new Date(now().getTime() + 1000)
  const needs = { db, log, keys, now: () => later, publicUrl: mail.publicUrl, send: createMailSender(mail) }
  await deliverMail(needs, AbortSignal.timeout(30_000))
}

/** Sends all mail, and returns the secret of the last link to this address. */
export async function receiveLink({ service, mailServer }: Place, email: string): Promise<string> {
  await sendMails(service)
  const raw = mailServer.received.findLast(({ to }) => to.includes(email))?.raw.replaceAll('=\r\n', '') ?? ''
  const token = /https:\/\/documents\.example\/[a-z-]+#token=(?:3D)?([\w-]{43})/.exec(raw)?.[1]
  if (token === undefined) throw new Error(`no link in ${raw}`)
  return token
}

import type { App } from '../../src/app.ts'
import { inTransaction } from '../../src/database/connection/in-transaction.ts'
import { deliverMail, type Delivered } from '../../src/mail/deliver-mail.ts'
import { queueMail } from '../../src/mail/notify.ts'
import { createMailSender } from '../../src/mail/smtp.ts'
import { makePerson } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { type MailServerForTests, openMailServer, type ReceivedMail } from './mail-server.ts'

export type MailScene = { service: TestService; mailServer: MailServerForTests }

export const mailSettings = ({ url }: Pick<MailServerForTests, 'url'>) => ({
  SMTP_URL: url,
  PUBLIC_URL: 'https://documents.example',
})

/** A service and the server that gets its mails. Nothing is sent by itself. */
export async function openMailScene(
  closing: AsyncDisposableStack,
  settings: Record<string, string> = {},
): Promise<MailScene> {
  const mailServer = await openMailServer()
  closing.defer(() => mailServer.close())
  const service = await startService({ ...mailSettings(mailServer), ...settings })
  closing.defer(() => service.stop())
  return { service, mailServer }
}

/** A mail scene with an administrator of the platform, who may review. */
export async function openMailSceneWithAdministrator(closing: AsyncDisposableStack) {
  const scene = await openMailScene(closing)
  return { ...scene, administrator: await makePerson(scene.service.app, { role: 'admin' }) }
}

type DeliveryScene = MailScene & {
  clock: { now: Date }
  pass(minutes: number): void
  /** Sends what is due on the clock. */
  deliver(): Promise<Delivered>
}

/** A mail scene with its own clock, for tests of what is sent when. */
export async function openDeliveryScene(closing: AsyncDisposableStack): Promise<DeliveryScene> {
  const scene = await openMailScene(closing)
  const clock = { now: new Date(Date.now() + 1000) }
  return {
    ...scene,
    clock,
    pass: (minutes) => void (clock.now = new Date(clock.now.getTime() + minutes * 60_000)),
    deliver: () => deliverAt(scene.service.app, clock.now),
  }
}

/** Queues a mail with a link to reset the password. Returns its id. */
export async function queueReset({ db }: Pick<App, 'db'>, to: string): Promise<string> {
  return await inTransaction(db, (trx) => queueMail(trx, { kind: 'password_reset', to, facts: {} }))
}

type SendingApp = Pick<App, 'db' | 'log' | 'keys' | 'now'> & { config: Pick<App['config'], 'mail'> }

/** Sends all mail that is due at this time, to the mail server of the configuration. */
export async function deliverAt({ db, log, keys, config: { mail } }: SendingApp, at: Date): Promise<Delivered> {
  if (mail === undefined) throw new Error('mail is off')
  const needs = { db, log, keys, now: () => at, publicUrl: mail.publicUrl, send: createMailSender(mail) }
  return await deliverMail(needs, AbortSignal.timeout(60_000))
}

/** Sends all mail that is due. */
export async function sendMails({ app }: { app: SendingApp }): Promise<Delivered> {
  return await deliverAt(app, new Date(app.now().getTime() + 1000))
}

/** The mails to a person, after all that is due was sent. */
export async function mailsTo(
  { service, mailServer }: MailScene,
  { email }: { email: string },
): Promise<ReceivedMail[]> {
  await sendMails(service)
  return mailServer.received.filter(({ to }) => to.includes(email))
}

/** Sends all mail, and returns the secret of the last link to this address. */
export async function receiveLink(scene: MailScene, email: string): Promise<string> {
  const raw = (await mailsTo(scene, { email })).at(-1)?.raw.replaceAll('=\r\n', '') ?? ''
  const token = /https:\/\/documents\.example\/[a-z-]+#token=(?:3D)?([\w-]{43})/.exec(raw)?.[1]
  if (token === undefined) throw new Error(`no link in ${raw}`)
  return token
}

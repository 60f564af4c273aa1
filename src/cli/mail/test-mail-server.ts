import { randomUUID } from 'node:crypto'
import { isIP } from 'node:net'

import type { MailConfig } from '../../config/load-config.ts'
import { ConfigError } from '../../errors/app-error.ts'
import { createMailSender, MailError, type MailStep, mailSteps } from '../../mail/smtp.ts'
import { testMail } from '../../mail/templates/account-mails.ts'
import type { CommandNeeds } from '../command/run-command.ts'
import { CommandFailed } from '../printing/explain-failure.ts'
import type { Printer } from '../printing/printer.ts'

type Outcome = 'ok' | 'failed' | 'note' | 'skipped'
type TestedStep = { step: MailStep; outcome: Outcome; message: string; advice?: string }

const marks: Record<Outcome, [style: 'green' | 'red' | 'yellow' | 'dim', mark: string]> = {
  ok: ['green', '✓'],
  failed: ['red', '✗'],
  note: ['yellow', '!'],
  skipped: ['dim', '–'],
}

/** `mail test`: sends one mail and prints each step. Throws `CommandFailed` when one failed. */
export async function testMailServer(
  { config, print, signal }: Pick<CommandNeeds, 'config' | 'print' | 'signal'>,
  address: string,
): Promise<void> {
  const { mail } = config
  if (mail === undefined)
    throw new ConfigError(
      'SMTP_URL is not set, so no mail is sent. Set it to the address of your mail server: smtp://user:password@mail.example.com:587.',
    )
  const { host, port } = mail.server
  print.text(`Mail server ${host}, port ${port}`)
  const { failure, isLoggedIn } = await trySending(mail, address, signal)
  signal.throwIfAborted()
  const steps = judgeSteps({ mail, address, isLoggedIn }, failure)
  for (const step of steps) printStep(print, step)
  print.json({ ok: failure === undefined, host, port, from: mail.from.address, to: address, steps: steps.map(toJson) })
  if (failure !== undefined) throw new CommandFailed()
  print.text(`The server accepted the mail. Check that it arrived at ${address}, and not among the spam.`)
}

type Attempt = { failure: MailError | undefined; isLoggedIn: boolean }

async function trySending(mail: MailConfig, to: string, signal: AbortSignal): Promise<Attempt> {
  let isLoggedIn = false
  const send = createMailSender(mail, () => {
    isLoggedIn = true
  })
  try {
    await send({ id: randomUUID(), to, ...testMail(mail.publicUrl) }, signal)
    return { failure: undefined, isLoggedIn }
  } catch (failure) {
    if (failure instanceof MailError) return { failure, isLoggedIn }
    throw failure
  }
}

type About = { mail: MailConfig; address: string; isLoggedIn: boolean }

/** One attempt passes the steps in their order, so all before the failed one passed. */
function judgeSteps(about: About, failure: MailError | undefined): TestedStep[] {
  const failedAt = failure === undefined ? mailSteps.length : mailSteps.indexOf(failure.step)
  return mailSteps.map((step, at) => {
    if (failure !== undefined && at === failedAt) return describeFailure(step, about, failure.message)
    if (at > failedAt) return { step, outcome: 'skipped', message: `${titleOf(step, about)}: not tested` }
    return noteOn(step, about) ?? { step, outcome: 'ok', message: titleOf(step, about) }
  })
}

/** What is right, but perhaps not wanted. */
function noteOn(step: MailStep, about: About): TestedStep | undefined {
  const { server } = about.mail
  const outcome = 'note'
  if (step === 'tls' && !server.requiresTls)
    return { step, outcome, message: 'TLS is not required: SMTP_URL allows plain text' }
  if (step !== 'login' || about.isLoggedIn) return undefined
  if (server.login === undefined) return { step, outcome, message: titleOf(step, about) }
  return {
    step,
    outcome,
    message: `No login as ${server.login.user}: the server offers none, so it got neither user nor password`,
    advice: `Remove user and password from SMTP_URL if this server needs none. Otherwise correct its port: many servers offer the login at 587, or at 465 with smtps://, and not at ${server.port}.`,
  }
}

function titleOf(step: MailStep, { mail: { server, from }, address }: About): string {
  const titles: Record<MailStep, string> = {
    dns: isIP(server.host) === 0 ? `The name ${server.host} is known` : `${server.host} is an address`,
    connect: `A mail server answers at port ${server.port}`,
    tls: `TLS, with a certificate for ${server.host}`,
    login: server.login === undefined ? 'No login: SMTP_URL has no user and password' : `Login as ${server.login.user}`,
    sender: `Sender ${from.address}`,
    recipient: `Recipient ${address}`,
    content: 'The mail is accepted',
  }
  return titles[step]
}

/** `why`: the code and the answer of the server, without any secret. */
function describeFailure(step: MailStep, { mail, address }: About, why: string): TestedStep {
  const { server, from } = mail
  const failures: Record<MailStep, [message: string, advice: string]> = {
    dns: [
      `The name ${server.host} is not known`,
      'Correct the host in SMTP_URL, or check the DNS server of this machine.',
    ],
    connect: [
      `No mail server answers at ${server.host}, port ${server.port}`,
      'Correct host and port in SMTP_URL, and check that no firewall is in between. Many networks block port 25: use 587, or 465 with smtps://.',
    ],
    tls: [
      `No encrypted connection to ${server.host}`,
      `Use smtp:// with port 587 (STARTTLS) or smtps:// with port 465. The certificate must be valid, for the name ${server.host}; if its authority is your own, set NODE_EXTRA_CA_CERTS to its file. Only within your own network: ?tls=off sends in plain text.`,
    ],
    login: [
      `The server rejects the login${server.login === undefined ? '' : ` as ${server.login.user}`}`,
      'Correct user and password in SMTP_URL. Special characters must be percent-encoded: @ is %40. Some providers require an app password.',
    ],
    sender: [
      `The server rejects the sender ${from.address}`,
      'Set MAIL_FROM to an address that this login may send from. If the server asks for a login, add user and password to SMTP_URL.',
    ],
    recipient: [
      `The server rejects the recipient ${address}`,
      'Check the address. If the server denies relaying, add user and password to SMTP_URL, or allow this machine on the server.',
    ],
    content: [
      'The server rejects the mail itself',
      'Do what the answer says. Often the domain of MAIL_FROM has no SPF or DKIM record for this server, or a filter rejects the mail.',
    ],
  }
  const [message, advice] = failures[step]
  return { step, outcome: 'failed', message: `${message} (${why})`, advice }
}

function printStep(print: Printer, { outcome, message, advice }: TestedStep): void {
  const [style, mark] = marks[outcome]
  print.text(`${print.paint(style, mark)} ${message}`)
  if (advice !== undefined) print.text(`  ${advice}`)
}

/** The name `says` is that of `s3 test`. */
function toJson({ message, ...step }: TestedStep) {
  return { ...step, says: message }
}

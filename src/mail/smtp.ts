import { createTransport } from 'nodemailer'

import type { MailConfig } from '../config/load-config.ts'
import { isOneMailbox } from '../vocabulary/emails.ts'
import type { MailContent } from './templates/layout.ts'

/** A server that does not answer must not occupy the worker for long. */
const timeouts = { dnsTimeout: 10_000, connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 30_000 }
const maxSendMs = 60_000

export type Message = MailContent & {
  /** Without the angle brackets and the host. */
  id: string
  to: string
  /** RFC 8058: a POST there ends such mails. Undefined: its person cannot refuse it. */
  unsubscribeUrl?: string | undefined
}

/**
 * `server`: the whole server fails. `connection`: it was ready for mail, and did not answer to this one. `mail`: it rejects
 * this mail, for now. `mail_for_good`: a repeat would be the same.
 */
export type MailTrouble = 'server' | 'connection' | 'mail' | 'mail_for_good'

/** The steps of sending a mail, in their order. */
export const mailSteps = ['dns', 'connect', 'tls', 'login', 'sender', 'recipient', 'content'] as const
export type MailStep = (typeof mailSteps)[number]

/** Why a mail was not sent. The message is safe to store and to print: it has no secret of the mail. */
export class MailError extends Error {
  override readonly name = 'MailError'
  readonly trouble: MailTrouble
  /** The step that failed. */
  readonly step: MailStep

  constructor({ trouble, step }: { trouble: MailTrouble; step: MailStep }, message: string) {
    super(message)
    this.trouble = trouble
    this.step = step
  }
}

export type SendMail = (message: Message, signal: AbortSignal) => Promise<void>

/**
 * Returns the function that sends one mail over a connection of its own. It throws a `MailError` when the server did not
 * confirm the mail; it may have accepted it nevertheless. `onLogin` is called when the server accepted the login: one that
 * offers none gets the mail without it.
 */
export function createMailSender({ server, from }: MailConfig, onLogin?: () => void): SendMail {
  const domain = from.address.slice(from.address.lastIndexOf('@') + 1)

  return async ({ id, to, subject, text, html, unsubscribeUrl }, signal) => {
    // The platform may have stored anything, and the library would send to an address that it finds in it.
    if (!isOneMailbox(to))
      throw new MailError({ trouble: 'mail_for_good', step: 'recipient' }, 'not the address of one mailbox')
    let isReady = false
    const onReady = () => (isReady = true)
    try {
      await openTransport(server, { onLogin, onReady }).sendMail({
        from,
        // As an object: an address is never parsed into several.
        to: { name: '', address: to },
        subject,
        text,
        html,
        messageId: `<${id}@${domain}>`,
        headers: { 'Auto-Submitted': 'auto-generated', ...unsubscribeHeaders(unsubscribeUrl) },
        signal: AbortSignal.any([signal, AbortSignal.timeout(maxSendMs)]),
      })
    } catch (error) {
      // A mail is not to blame for the end of this process.
      const isOfServer = !isReady || signal.aborted
      throw explain(error, { isOfServer, secrets: [text, server.login?.password ?? ''] })
    }
  }
}

/** `onReady`: the server accepted the connection and the login, and gets the mail now. */
type Progress = { onLogin: (() => void) | undefined; onReady: () => void }

function openTransport({ host, port, startsWithTls, requiresTls, login }: MailConfig['server'], progress: Progress) {
  return createTransport({
    host,
    port,
    secure: startsWithTls,
    requireTLS: requiresTls,
    // Where plain text is allowed, an unknown certificate is no reason to send nothing: a mail server on this machine often
    // has one of its own.
    tls: { rejectUnauthorized: requiresTls },
    ...(login === undefined ? {} : { auth: { user: login.user, pass: login.password } }),
    logger: noticeProgress(progress),
    ...timeouts,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
}

/** The library reports its progress to its logger alone. Nothing that it logs is stored. */
function noticeProgress({ onLogin, onReady }: Progress): { info: (entry: { action?: string; tnx?: string }) => void } {
  return {
    info({ action, tnx }) {
      if (action === 'authenticated') onLogin?.()
      if (tnx === 'send') onReady()
    },
  }
}

function unsubscribeHeaders(url: string | undefined): Record<string, string> {
  if (url === undefined) return {}
  return { 'List-Unsubscribe': `<${url}>`, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' }
}

type SmtpFailure = {
  code?: string
  originalCode?: string
  command?: string
  responseCode?: number
  response?: string
  permanent?: boolean
}

/** Nothing of the failure itself is stored: a server may answer with parts of the mail. */
function explain(failure: unknown, { isOfServer, secrets }: { isOfServer: boolean; secrets: string[] }): MailError {
  // Every property is optional, and only its text is used.
  const error = failure as SmtpFailure
  // A server may repeat a failed login, in a form of its own.
  const response = error.command?.startsWith('AUTH') ? error.responseCode?.toString() : error.response
  const facts = [error.originalCode ?? error.code, error.command, withoutSecrets(response, secrets)]
  const message = facts.filter((fact) => fact !== undefined && fact !== '').join(', ')
  const trouble = { trouble: troubleOf(error, isOfServer), step: stepOf(error) }
  return new MailError(trouble, message === '' ? 'unexpected failure' : message)
}

const certificateCodes = /^(ERR_TLS|ERR_SSL|EPROTO|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO)/

const stepsByCode: Record<string, MailStep> = { EDNS: 'dns', ETLS: 'tls', EAUTH: 'login' }
const stepsByCommand: Record<string, MailStep> = {
  STARTTLS: 'tls',
  'MAIL FROM': 'sender',
  'RCPT TO': 'recipient',
  DATA: 'content',
}

function stepOf({ code = '', originalCode = '', command = '' }: SmtpFailure): MailStep {
  if (certificateCodes.test(originalCode)) return 'tls'
  return stepsByCode[code] ?? stepsByCommand[command] ?? 'connect'
}

/** The library's own judgement of an address or a content, without an answer of the server. */
const libraryCodes = new Set<string | undefined>(['EENVELOPE', 'EMESSAGE'])
const commandsOfOneMail = new Set<string | undefined>(['RCPT TO', 'DATA'])

function troubleOf(error: SmtpFailure, isOfServer: boolean): MailTrouble {
  const { code, command, permanent, responseCode } = error
  if (responseCode === undefined) {
    if (libraryCodes.has(code)) return 'mail_for_good'
    return isOfServer ? 'server' : 'connection'
  }
  if (commandsOfOneMail.has(command)) return permanent === true ? 'mail_for_good' : 'mail'
  // A rejected sender concerns every mail.
  return isOfServer || command === 'MAIL FROM' ? 'server' : 'connection'
}

const maxResponseLength = 200

/** The answer of the server without any longer word of the mail or of the login. */
function withoutSecrets(response: string | undefined, secrets: string[]): string | undefined {
  const words = secrets.flatMap((secret) => secret.split(/[\s#=]+/)).filter((word) => word.length >= 12)
  return words
    .reduce<string | undefined>((text, word) => text?.replaceAll(word, '[removed]'), response)
    ?.replaceAll(/\s+/g, ' ')
    .slice(0, maxResponseLength)
}

import { isIP } from 'node:net'

import { z } from 'zod'

import { ConfigError } from '../errors/app-error.ts'
import { isThisMachine } from './setting-formats.ts'

export type MailServer = {
  host: string
  port: number
  /** From the first byte, instead of after STARTTLS. */
  startsWithTls: boolean
  /** The links of mails and the password of the server must not cross a network in plain text. */
  requiresTls: boolean
  /** Undefined: the server asks for none. */
  login: { user: string; password: string } | undefined
}

export const mailServer = z.string().transform((text, context): MailServer => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && isMailServer(url))
    return {
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: Number(url.port) || (url.protocol === 'smtps:' ? 465 : 587),
      startsWithTls: url.protocol === 'smtps:',
      requiresTls: url.search !== '?tls=off' && !isThisMachine(url),
      login: findLogin(url),
    }
  context.addIssue({
    code: 'custom',
    message: 'must be a URL that begins smtp:// or smtps://, such as smtp://user:password@mail.example.com:587',
  })
  return z.NEVER
})

function isMailServer(url: URL): boolean {
  const { protocol, hostname, pathname, search, hash, username, password } = url
  return (
    ['smtp:', 'smtps:'].includes(protocol) &&
    hostname !== '' &&
    ['', '/'].includes(pathname) &&
    ['', '?tls=off'].includes(search) &&
    hash === '' &&
    (username === '') === (password === '') &&
    isPercentEncoded(username + password)
  )
}

function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

function findLogin({ username, password }: URL): MailServer['login'] {
  if (username === '') return undefined
  return { user: decodeURIComponent(username), password: decodeURIComponent(password) }
}

/** The sender of mails. */
export type MailAddress = { name: string; address: string }

/** An address alone, or a name and an address. */
export const mailAddress = z.string().transform((text, context): MailAddress => {
  const [, name = '', address = text] = /^([^<>"\p{Cc}]+?)\s*<([^<>]+)>$/u.exec(text) ?? []
  if (z.email().safeParse(address).success) return { name, address }
  context.addIssue({
    code: 'custom',
    message: 'must be an e-mail address, or a name and an address: Paniq Documents <documents@example.com>',
  })
  return z.NEVER
})

type Values = { SMTP_URL: MailServer | undefined; MAIL_FROM: MailAddress | undefined }

/** Undefined: no mail is sent. */
export function mailConfig({ SMTP_URL: server, MAIL_FROM: from }: Values, publicUrl: string | undefined) {
  if (server === undefined && from !== undefined)
    throw new ConfigError('MAIL_FROM is set, but SMTP_URL is not. Set both, or SMTP_URL alone.')
  if (server === undefined) return undefined
  if (publicUrl === undefined)
    throw new ConfigError(
      'PUBLIC_URL is not set, but SMTP_URL is. Set it to the address of the service for people: links in mails begin with it.',
    )
  return { server, from: from ?? defaultSender(publicUrl), publicUrl }
}

function defaultSender(publicUrl: string): MailAddress {
  return { name: 'Paniq Documents', address: `no-reply@${mailHost(new URL(publicUrl).hostname)}` }
}

/** An IP address is a literal in a mail address. */
function mailHost(hostname: string): string {
  if (hostname.startsWith('[')) return `[IPv6:${hostname.slice(1, -1)}]`
  return isIP(hostname) === 0 ? hostname : `[${hostname}]`
}

import { isIP } from 'node:net'

import { z } from 'zod'

import { ConfigError } from '../errors/app-error.ts'

export type Setting = {
  schema: z.ZodType
  default?: string
  /** Never shown, not even when it is wrong; and values as `.env.example` has them count as none. */
  secret?: true
  doc: string
}

/** Forms that several settings share. Each message says what is allowed, and follows the name and the wrong value. */

export const flag = z.enum(['true', 'false'], 'must be true or false').transform((word) => word === 'true')

export const folder = z.string().refine((text) => text !== '' && !isAddress(text), 'must be the path of a folder')

export function whole(least: number, most: number) {
  const allowed = `must be a whole number, ${least} to ${most}`
  return z.string().regex(/^\d+$/, allowed).transform(Number).pipe(z.number().min(least, allowed).max(most, allowed))
}

/** A most; undefined where there is none, which is said by `off` or 0. */
export function maxOrOff(most: number) {
  const allowed = `must be a whole number, 1 to ${most}, or off`
  return z
    .string()
    .regex(/^(\d+|off)$/, allowed)
    .transform((text) => (text === 'off' || Number(text) === 0 ? undefined : Number(text)))
    .pipe(z.number().max(most, allowed).optional())
}

/** An address of the web. Its user and password would be shown wherever the address is, so it may hold none. */
export const webAddress = z
  .string()
  .refine(
    (text) => isUrlOf(text, ['http:', 'https:']) && !hasUser(text),
    'must be a URL that begins http:// or https://, without a user or password in it',
  )

/** Whoever can write on the line that keys come over can make tokens of anybody. */
export const keysAddress = z
  .string()
  .refine(
    (text) => isUrlOf(text, ['https:', 'http:']) && !hasUser(text) && isSafeTransport(new URL(text)),
    'must be a URL that begins https://, or http:// where it names this machine (127.0.0.1, ::1, localhost), without a user or password in it',
  )

export const postgresAddress = z
  .string()
  .refine(
    (text) => isUrlOf(text, ['postgres:', 'postgresql:']),
    'must be a URL that begins postgres:// or postgresql://, such as postgres://user:password@host:5432/database',
  )

/** A host and a port, or a socket's path. */
export const clamdAddress = z.string().transform((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && isSocketFile(url)) return { path: decodeURIComponent(url.pathname) }
  if (url !== undefined && isHostAndPort(url))
    return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) }
  context.addIssue({ code: 'custom', message: 'must be tcp://host:port or unix:///path/to/clamd.sock' })
  return z.NEVER
})

export const bucketName = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/

const bucketAddress = new RegExp(`^s3://(${bucketName.source.slice(1, -1)})(?:/(.*))?$`)

/** A path, or a bucket and what its keys begin with. */
export const pathOrBucket = z.string().transform((text, context): PathOrBucket => {
  if (!isAddress(text)) return { path: text }
  const [, bucket, prefix = ''] = bucketAddress.exec(text) ?? []
  if (bucket !== undefined) return { bucket, prefix: prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/` }
  context.addIssue({ code: 'custom', message: 'must be a file, or s3://bucket/prefix/' })
  return z.NEVER
})

export type PathOrBucket = { path: string } | { bucket: string; prefix: string }

export const origins = commaList().refine(
  (each) => each.every((text) => isUrlOf(text, ['http:', 'https:']) && new URL(text).origin === text),
  'must be origins such as https://paniq.example, separated by commas: scheme, host and port, nothing after them',
)

export const proxies = commaList().refine(
  (each) => (each.length === 1 && each.every(isHops)) || each.every(isNetwork),
  'must be a number of hops, or addresses and CIDR ranges separated by commas, such as 10.0.0.0/8',
)

/**
 * What is wrong with a new password; undefined: nothing. One rule for everybody who gets one, by whatever way. Its
 * least length is in characters as people count them, its most in bytes, since bcrypt reads neither further nor past a NUL.
 */
export function findPasswordFault(text: string): string | undefined {
  if (Array.from(text).length < 8) return 'must be at least 8 characters'
  return isWithinBcrypt(text) ? undefined : 'must be at most 72 bytes and hold no NUL character'
}

/** Beyond either bound two different passwords would be the same to bcrypt. */
export function isWithinBcrypt(text: string): boolean {
  return Buffer.byteLength(text) <= 72 && !text.includes('\0')
}

export const newPassword = z.string().superRefine((text, context) => {
  const fault = findPasswordFault(text)
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
})

/** Taken for a path, it would make a folder such as `ftp:` in the working directory. */
function isAddress(text: string): boolean {
  return /^[a-z][a-z\d+.-]*:\/\//i.test(text)
}

function commaList() {
  return z.string().transform((text) =>
    text
      .split(',')
      .map((each) => each.trim())
      .filter((each) => each !== ''),
  )
}

function isUrlOf(text: string, protocols: string[]): boolean {
  return URL.canParse(text) && protocols.includes(new URL(text).protocol)
}

function isSafeTransport({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
}

function isSocketFile({ protocol, host, pathname }: URL): boolean {
  return protocol === 'unix:' && host === '' && pathname.length > 1
}

function isHostAndPort({ protocol, href, port, pathname }: URL): boolean {
  return protocol === 'tcp:' && port !== '' && !hasUser(href) && ['', '/'].includes(pathname)
}

function hasUser(text: string): boolean {
  const { username, password } = new URL(text)
  return username !== '' || password !== ''
}

function isHops(text: string): boolean {
  return /^\d{1,2}$/.test(text)
}

/** Also the names that Fastify knows for the private ranges. */
function isNetwork(text: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(text)) return true
  const [address = '', bits, ...rest] = text.split('/')
  const family = isIP(address)
  if (family === 0 || rest.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}

/** The values of settings that only work together; undefined where none is set. Throws when some are set and some are not. */
export function allOrNone<Values extends object, Name extends keyof Values & string>(
  values: Values,
  ...names: Name[]
): { [Each in Name]: NonNullable<Values[Each]> } | undefined {
  const set = names.find((name) => values[name] !== undefined)
  const missing = names.find((name) => values[name] === undefined)
  if (set === undefined) return undefined
  // Every one of them has a value.
  if (missing === undefined) return values as { [Each in Name]: NonNullable<Values[Each]> }
  const all = names.length === 2 ? 'both or neither' : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}, or none`
  throw new ConfigError(`${missing} is not set, but ${set} is; set ${all}.`)
}

import { isIP } from 'node:net'

import { z } from 'zod'

import { ConfigError } from '../errors/app-error.ts'

export type Setting = {
  schema: z.ZodType
  default?: string
  /** Never printed, not even when it is wrong. Placeholders of `.env.example` count as unset. */
  secret?: true
  doc: string
}

/** Schemas that several settings share. A message says what is allowed; it follows the name and the wrong value. */

export const flag = z.enum(['true', 'false'], 'must be true or false').transform((word) => word === 'true')

export const folder = z.string().refine((text) => text !== '' && !isAddress(text), 'must be the path of a folder')

export function whole(min: number, max: number) {
  const allowed = `must be a whole number, ${min} to ${max}`
  return z.string().regex(/^\d+$/, allowed).transform(Number).pipe(z.number().min(min, allowed).max(max, allowed))
}

/** A maximum; `off` and 0 mean no limit (undefined). */
export function maxOrOff(max: number) {
  const allowed = `must be a whole number, 1 to ${max}, or off`
  return z
    .string()
    .regex(/^(\d+|off)$/, allowed)
    .transform((text) => (text === 'off' || Number(text) === 0 ? undefined : Number(text)))
    .pipe(z.number().max(max, allowed).optional())
}

/** A web address. It is printed in many places, so it may not contain a user or password. */
export const webAddress = z
  .string()
  .refine(
    (text) => isUrlOf(text, ['http:', 'https:']) && !hasUser(text),
    'must be a URL that begins http:// or https://, without a user or password in it',
  )

/** The address of keys. Anybody who can change the keys in transit can forge tokens. */
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

/** A host and port, or the path of a socket. */
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

/** A path, or a bucket and a key prefix. */
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
 * The fault of a new password; undefined if it is valid. The same rule applies everywhere. The minimum is in characters,
 * the maximum in bytes: bcrypt ignores everything after 72 bytes or a NUL.
 */
export function findPasswordFault(text: string): string | undefined {
  if (Array.from(text).length < 10) return 'must be at least 10 characters'
  return isWithinBcrypt(text) ? undefined : 'must be at most 72 bytes, without a NUL character'
}

/** Beyond these limits bcrypt cannot distinguish two passwords. */
export function isWithinBcrypt(text: string): boolean {
  return Buffer.byteLength(text) <= 72 && !text.includes('\0')
}

export const newPassword = z.string().superRefine((text, context) => {
  const fault = findPasswordFault(text)
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
})

/** Treated as a path, an address would create a folder such as `ftp:` in the working directory. */
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

/** https, or http on this machine. */
export function isSafeTransport(url: URL): boolean {
  return url.protocol === 'https:' || isThisMachine(url)
}

export function isThisMachine({ hostname }: URL): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
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

/** Includes Fastify's names for the private ranges. */
function isNetwork(text: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(text)) return true
  const [address = '', bits, ...rest] = text.split('/')
  const family = isIP(address)
  if (family === 0 || rest.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}

/** The values of settings that only work together; undefined if none is set. Throws if only some are set. */
export function allOrNone<Values extends object, Name extends keyof Values & string>(
  values: Values,
  ...names: Name[]
): { [Each in Name]: NonNullable<Values[Each]> } | undefined {
  const set = names.find((name) => values[name] !== undefined)
  const missing = names.find((name) => values[name] === undefined)
  if (set === undefined) return undefined
  // Every name has a value.
  if (missing === undefined) return values as { [Each in Name]: NonNullable<Values[Each]> }
  const all = names.length === 2 ? 'both or neither' : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}, or none`
  throw new ConfigError(`${missing} is not set, but ${set} is. Set ${all}.`)
}

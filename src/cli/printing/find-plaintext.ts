import ipaddr from 'ipaddr.js'

import type { Config } from '../../config/load-config.ts'

/**
 * The connections that leave this machine and its private network without TLS, one sentence each. A name counts as private
 * if it has no dot or an ending for private networks; it is not looked up.
 */
export function findPlaintextConnections(config: Pick<Config, 'database' | 'clamd' | 's3'>): string[] {
  const { database, clamd, s3 } = config
  return [
    ...plainDatabases(database).map((name) => `${name}: add ?sslmode=verify-full`),
    clamd !== undefined && 'host' in clamd && !isPrivate(clamd.host) ? 'CLAMD_URL: use a private network' : undefined,
    s3.endpoint !== undefined && isPlainWeb(s3.endpoint) ? 'AWS_ENDPOINT_URL_S3: use https' : undefined,
  ].filter((advice) => advice !== undefined)
}

/** The settings whose address is one, each address once: without a setting of its own, one connection uses another's. */
function plainDatabases(database: Config['database']): string[] {
  if (database.kind !== 'external') return []
  const { url, directUrl, ownerUrl } = database
  const settings = [
    [ownerUrl, 'DATABASE_OWNER_URL'],
    [directUrl, 'DATABASE_DIRECT_URL'],
    [url, 'DATABASE_URL'],
  ] as const
  return [...new Map<string | undefined, string>(settings)]
    .filter(([address]) => isPlainDatabase(address))
    .map(([, name]) => name)
}

/**
 * `no-verify` encrypts, but anybody on the way can present a certificate of their own. With `uselibpqcompat` the
 * same is true of all modes but `verify-ca` and `verify-full`, which alone check the certificate.
 */
function isPlainDatabase(address: string | undefined): boolean {
  if (address === undefined) return false
  const { hostname, searchParams } = new URL(address)
  const mode = searchParams.get('sslmode')
  const isUnsafe =
    searchParams.get('uselibpqcompat') === 'true'
      ? mode !== 'verify-ca' && mode !== 'verify-full'
      : ['disable', 'no-verify', null].includes(mode)
  return isUnsafe && hostname !== '' && !searchParams.has('host') && !isPrivate(hostname)
}

function isPlainWeb(address: string): boolean {
  const { protocol, hostname } = new URL(address)
  return protocol === 'http:' && !isPrivate(hostname)
}

const privateRanges = new Set(['loopback', 'private', 'linkLocal', 'uniqueLocal', 'carrierGradeNat'])

function isPrivate(host: string): boolean {
  const address = decodeURIComponent(host).replace(/^\[|\]$/g, '')
  if (address.startsWith('/')) return true
  if (ipaddr.isValid(address)) return privateRanges.has(ipaddr.process(address).range())
  return !address.includes('.') || /\.(localhost|local|internal|lan|svc|home\.arpa)$/i.test(address)
}

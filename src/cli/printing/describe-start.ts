import { existsSync } from 'node:fs'
import { relative } from 'node:path'

import type { Config } from '../../config/load-config.ts'
import { type AdministratorOutcome, passwordFile } from '../../people/accounts/ensure-administrator.ts'
import type { Outage } from '../../storage/s3/circuit-breaker.ts'
import type { Explanation } from './explain-s3-failure.ts'

type S3State = {
  /** Why the circuit of S3 is open. */
  outage: Pick<Outage, 'trouble'> | undefined
  /** Why S3 could not be reached just now, and what to do. */
  trouble: Explanation | undefined
  hasPlaceholders: boolean
}

/** Describes where new files are stored, and why. */
export function describeStorage(config: Config, { outage, trouble, hasPlaceholders }: S3State): string {
  const { s3, useS3, fallback, uploadsDir } = config
  if (!useS3) return `local ${shortPath(uploadsDir)} (USE_S3_STORAGE is false)`
  if (outage?.trouble === 'no_credentials') {
    const why = `AWS credentials not found${hasPlaceholders ? ': AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are still the placeholders of .env.example' : ''}`
    return fallback === 'local'
      ? `local as fallback ${shortPath(uploadsDir)} (${why})`
      : `none, uploads fail (${why}, and S3_FALLBACK is off)`
  }
  const bucket = `S3 ${s3.bucket}, ${s3.region}`
  const meanwhile =
    fallback === 'local'
      ? `Until then, new files are stored in ${shortPath(uploadsDir)}.`
      : 'Until then, uploads fail (S3_FALLBACK is off).'
  if (outage?.trouble === 'not_ours')
    return `${bucket}, not used: the bucket does not belong to this installation. Correct AWS_S3_BUCKET, or restore the bucket, and restart. ${meanwhile}`
  if (trouble === undefined) return `${bucket}, reachable`
  return `${bucket}, not reachable: ${trouble.message}. ${trouble.advice} ${meanwhile}`
}

/** Describes the virus scanner, if there is one. */
export function describeScanner({ clamd }: Pick<Config, 'clamd'>, isReachable: boolean): string {
  if (clamd === undefined) return 'not set; files are served unscanned (CLAMD_URL)'
  const where = 'path' in clamd ? clamd.path : `${clamd.host}:${clamd.port}`
  if (isReachable) return `clamd at ${where}, reachable`
  return `clamd at ${where}, unreachable; new files are stored, and not served until it answers (CLAMD_URL)`
}

/** Describes the administrator of this installation and where the password is. `isShown`: it was printed on this terminal. */
export function describeAdministrator(config: Config, outcome: AdministratorOutcome, isShown: boolean): string {
  const file = passwordFile(config.dataDir)
  switch (outcome.kind) {
    case 'made':
      if (!outcome.isGenerated) return `${outcome.email}, with the password of ADMIN_PASSWORD`
      return `${outcome.email}, password ${isShown ? 'as shown above' : `in the second line of ${shortPath(file)}`}, to change at the first login`
    case 'present':
      return `${outcome.email}, exists already; ADMIN_PASSWORD changed nothing`
    case 'not_an_administrator':
      return `none created: the account ${outcome.email} does not have that role. ${createAnother}`
    case 'not_needed':
      return existsSync(file)
        ? `exists already; ${shortPath(file)} has the e-mail and the initial password of the first one`
        : `exists already. ${createAnother}`
    case 'not_wanted':
      return 'as in the tables of the platform'
  }
}

const createAnother = 'To create another: ./bin/paniq-docs users create --admin --help'

/** Describes the mail server, if there is one. Nothing is sent to it. */
export function describeMail({ mail }: Pick<Config, 'mail'>): string {
  if (mail === undefined)
    return 'off; links are shown to the person who acts, and nobody resets a forgotten password (SMTP_URL)'
  const { host, port } = mail.server
  return `${host}, port ${port}, from ${mail.from.address}. To test it: ./bin/paniq-docs mail test you@example.com`
}

/** Describes who must have a second factor. */
export function describeSecondFactor({ secondFactor }: Pick<Config, 'secondFactor'>): string {
  switch (secondFactor) {
    case 'off':
      return 'off; a password alone is enough, also for administrators (SECOND_FACTOR)'
    case 'administrators':
      return 'required of administrators'
    case 'everyone':
      return 'required of everyone'
  }
}

/** Who can still act without a second factor; undefined where it is off, or all tokens are our own. */
export function findTokensWithoutSecondFactor(
  config: Pick<Config, 'secondFactor' | 'openId' | 'database' | 'jwtSecret'>,
): string | undefined {
  const isShared = config.database.kind === 'external' && config.jwtSecret !== undefined
  const issuers = [
    config.openId === undefined ? undefined : 'the OpenID provider (JWT_JWKS_URL)',
    isShared ? 'the platform (JWT_SECRET_KEY)' : undefined,
  ].filter((issuer) => issuer !== undefined)
  if (config.secondFactor === 'off' || issuers.length === 0) return undefined
  return `SECOND_FACTOR does not apply to tokens of ${issuers.join(' and ')}: require a second factor there too`
}

/** The address to open on this machine: a wildcard address cannot be called. */
export function addressToOpen(host: string, listening: string): string {
  const isEveryAddress = host === '0.0.0.0' || host === '::'
  return isEveryAddress ? Object.assign(new URL(listening), { hostname: 'localhost' }).origin : listening
}

/** The first call to try, as a line for a shell. */
export function firstCall(address: string): string {
  const person = { email: 'you@example.com', password: 'a long walk to work', first_name: 'Your', last_name: 'Name' }
  return `curl -sS ${address}/api/v1/auth/register -H 'content-type: application/json' -d '${JSON.stringify(person)}'`
}

/** Relative when the path is below the working directory. */
function shortPath(path: string): string {
  const below = relative(process.cwd(), path)
  return below.startsWith('..') ? path : `./${below}`
}

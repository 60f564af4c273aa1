import { existsSync } from 'node:fs'
import { relative } from 'node:path'

import type { Config } from '../../config/config.ts'
import { type AdministratorOutcome, passwordFile } from '../../people/accounts/ensure-administrator.ts'
import type { Outage } from '../../storage/s3/circuit-breaker.ts'

type S3State = {
  /** Why S3 is left alone from the start on. */
  outage: Pick<Outage, 'trouble'> | undefined
  /** Why it could not be reached just now, and what to do. */
  trouble: { says: string; advice: string } | undefined
  hasPlaceholders: boolean
}

/** Where new papers go and why. */
export function describeStorage(config: Config, { outage, trouble, hasPlaceholders }: S3State): string {
  const { s3, useS3, fallback, uploadsDir } = config
  if (!useS3) return `local ${shortPath(uploadsDir)} (USE_S3_STORAGE is false)`
  if (outage?.trouble === 'no_credentials') {
    const why = `AWS credentials not found${hasPlaceholders ? ': AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are still the placeholders of .env.example' : ''}`
    return fallback === 'local'
      ? `local as fallback ${shortPath(uploadsDir)} (${why})`
      : `none, uploads are refused (${why}, and S3_FALLBACK is off)`
  }
  const place = `S3 ${s3.bucket}, ${s3.region}`
  const meanwhile =
    fallback === 'local'
      ? `Until it can be, new papers wait in ${shortPath(uploadsDir)}.`
      : 'Until it can be, uploads are refused (S3_FALLBACK is off).'
  if (outage?.trouble === 'not_ours')
    return `${place}, not used: nothing in this bucket shows that it is ours. Correct AWS_S3_BUCKET, or restore the bucket, and restart. ${meanwhile}`
  if (trouble === undefined) return `${place}, reachable`
  return `${place}, not reachable: ${trouble.says}. ${trouble.advice} ${meanwhile}`
}

/** Who looks for viruses, if anybody. */
export function describeScanner({ clamd }: Pick<Config, 'clamd'>, isReachable: boolean): string {
  if (clamd === undefined) return 'not set; papers are given out unscanned (CLAMD_URL)'
  const where = 'path' in clamd ? clamd.path : `${clamd.host}:${clamd.port}`
  if (isReachable) return `clamd at ${where}, reachable`
  return `clamd at ${where}, unreachable; new papers are kept, and nobody gets them until it answers (CLAMD_URL)`
}

/** Who looks after this installation, and where their password is. `isShown`: it was just shown on this terminal. */
export function describeAdministrator(config: Config, outcome: AdministratorOutcome, isShown: boolean): string {
  const file = passwordFile(config.dataDir)
  switch (outcome.kind) {
    case 'made':
      if (!outcome.isGenerated) return `${outcome.email}, with the password of ADMIN_PASSWORD`
      return `${outcome.email}, password ${isShown ? 'as shown above, once' : `in the second line of ${shortPath(file)}`}`
    case 'present':
      return `${outcome.email}, there already; ADMIN_PASSWORD changed nothing`
    case 'not_an_administrator':
      return `none made, since ${outcome.email} belongs to somebody without that role. ${makeOne}`
    case 'not_needed':
      return existsSync(file)
        ? `there already; the e-mail and, in the second line, the initial password of the first one are in ${shortPath(file)}`
        : `there already. ${makeOne}`
    case 'not_wanted':
      return 'as the platform’s tables have it'
  }
}

const makeOne = 'Another one: ./bin/paniq-docs users create --admin --help'

/** Where somebody on this machine opens what listens there: “every address” is none that can be called. */
export function addressToOpen(host: string, listening: string): string {
  const isEveryAddress = host === '0.0.0.0' || host === '::'
  return isEveryAddress ? Object.assign(new URL(listening), { hostname: 'localhost' }).origin : listening
}

/** A line to paste: the first thing a newcomer can do. */
export function firstCall(address: string): string {
  const person = { email: 'you@example.com', password: 'a long password', first_name: 'Your', last_name: 'Name' }
  return `curl -sS ${address}/api/v1/auth/register -H 'content-type: application/json' -d '${JSON.stringify(person)}'`
}

/** As people write it, where it lies in the folder they are in. */
function shortPath(path: string): string {
  const below = relative(process.cwd(), path)
  return below.startsWith('..') ? path : `./${below}`
}

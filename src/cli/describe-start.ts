import { existsSync } from 'node:fs'
import { relative } from 'node:path'

import type { Config } from '../config.ts'
import type { Target } from '../documents/stores.ts'
import { type AdministratorOutcome, passwordFile } from '../people/ensure-administrator.ts'

/** Where new papers go and why. `trouble`: why S3 cannot be reached, and what to do. */
export function describeStorage(
  { s3, uploadsDir }: Config,
  target: Target,
  trouble: { says: string; advice: string } | undefined,
): string {
  switch (target) {
    case 'local':
      return `local ${shortPath(uploadsDir)} (USE_S3_STORAGE is false)`
    case 'fallback':
      return `local as fallback ${shortPath(uploadsDir)} (AWS credentials not found)`
    case 'none':
      return 'none, uploads are refused (AWS credentials not found, and S3_FALLBACK is off)'
    case 's3': {
      const reach = trouble === undefined ? 'reachable' : `not reachable: ${trouble.says}. ${trouble.advice}`
      return `S3 ${s3.bucket}, ${s3.region}, ${reach}`
    }
  }
}

/** Who looks after this installation, and where their password is. `isShown`: it was just shown on this terminal. */
export function describeAdministrator(config: Config, outcome: AdministratorOutcome, isShown: boolean): string {
  const file = passwordFile(config.dataDir)
  switch (outcome.kind) {
    case 'made':
      if (!outcome.isGenerated) return `${outcome.email}, with the password of ADMIN_PASSWORD`
      return `${outcome.email}, password ${isShown ? 'as shown above, once' : `in ${shortPath(file)}`}`
    case 'present':
      return `${outcome.email}, there already; ADMIN_PASSWORD changed nothing`
    case 'not_an_administrator':
      return `none made, since ${outcome.email} belongs to somebody without that role. ${makeOne}`
    case 'not_needed':
      return existsSync(file)
        ? `there already; the e-mail and the initial password of the first one are in ${shortPath(file)}`
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

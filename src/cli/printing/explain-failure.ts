import type { DatabaseConfig } from '../../config/config.ts'
import { AppError, ConfigError, codeOf, hasCode } from '../../errors/app-error.ts'
import { isFromPooler, isUnreachable, isWithoutTls } from '../../database/connection/postgres-errors.ts'
import { StoreError } from '../../storage/file-store.ts'
import { adviseOnDiskFailure, describeDiskFailure } from '../../storage/local/local-errors.ts'
import { S3Error } from '../../storage/s3/requests/s3-operation.ts'
import type { RetriesExhausted } from '../../backup/retrying-store.ts'
import { BackupStoreError } from '../../storage/backup-store/backup-store.ts'

export type Explained = {
  code: string
  /** One line, for the person who gave the command. */
  message: string
  /** Whether it could be foreseen. What could not belongs whole into the log. */
  isExpected: boolean
}

/**
 * What went wrong and what to do about it, without a stack, a secret or a word of the libraries where we know better.
 * `database`: which it is, where the settings were read.
 */
export function explainFailure(
  error: unknown,
  database = 'DATABASE_URL, DATABASE_OWNER_URL, DATABASE_DIRECT_URL',
): Explained {
  const foreseen = explainForeseen(error)
  if (foreseen !== undefined) return foreseen

  const causes = [...causesOf(error)]
  const known = explainStore(causes) ?? explainDatabase(causes, database) ?? explainDisk(causes)
  if (known !== undefined) return known
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
  return {
    code: 'internal',
    message: `Something went wrong that should not: ${line}. LOG_LEVEL=debug shows the rest.`,
    isExpected: false,
  }
}

/** What was thrown for the person who gave the command. */
function explainForeseen(error: unknown): Explained | undefined {
  if (error instanceof ConfigError) return expected('configuration', error.message)
  if (error instanceof WrongUse) return expected('wrong_use', error.message)
  if (error instanceof Interrupted) return expected('ended', error.message)
  return error instanceof AppError ? expected(error.code, error.message) : undefined
}

function expected(code: string, message: string): Explained {
  return { code, message, isExpected: true }
}

// First: what S3's own connection says is said by a database's too.
function explainStore(causes: Error[]): Explained | undefined {
  const error = causes.find((each) => each instanceof StoreError)
  if (error?.code !== 'unavailable') return undefined
  const { says, advice } = describeStoreFailure(error)
  return expected('store_unavailable', `${says} ${advice}, and run this again.`)
}

/** A file or folder of the settings, or of the command line. What is missing is a mistake of ours, unless it was looked for. */
function explainDisk(causes: Error[]): Explained | undefined {
  for (const each of causes) {
    if (!('path' in each) || hasCode(each, 'ENOENT')) continue
    const says = describeDiskFailure(each)
    if (says !== undefined)
      return expected('disk', `${String(each.path)}: ${says} ${adviseOnDiskFailure(each)}, and run this again.`)
  }
  return undefined
}

const byDatabaseCode: [codes: string[], message: string][] = [
  [['28P01'], 'the server refuses this user or password; correct it.'],
  [
    ['28000'],
    'the server has no such user, or does not let it in from here, or only over TLS; correct the user, or add ?sslmode=verify-full to the address.',
  ],
  [['3D000'], 'the server has no such database; make it (createdb NAME), or name another.'],
  [
    ['42501'],
    'this user lacks a right: to make or change the tables, or one that docs/grants.md lists. Run ./bin/paniq-docs db migrate with DATABASE_OWNER_URL set to the user who owns the tables, or may make them, beside DATABASE_URL: it gives the service’s user all its rights anew.',
  ],
  [['53300'], 'the server accepts no more connections; close some, or raise max_connections.'],
  [['57P03'], 'the server is starting or stopping; try again in a few seconds.'],
  [['ENOTFOUND', 'EAI_AGAIN'], 'its host name is not known. Correct the address.'],
  [['ERR_TLS_CERT_ALTNAME_INVALID'], 'the server’s certificate is for another name; use the name that it is for.'],
  [['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'], 'the server’s certificate is out of date; renew it, or set the clock.'],
  [
    [
      'SELF_SIGNED_CERT_IN_CHAIN',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'UNABLE_TO_GET_ISSUER_CERT',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    ],
    'nobody known here vouches for the server’s certificate; add sslrootcert=/path/to/its/ca.pem to the address.',
  ],
]

const byKind: [is: (error: unknown) => boolean, message: string][] = [
  [isWithoutTls, 'the server does without TLS; take sslmode out of the address, or turn TLS on there (ssl = on).'],
  [
    isFromPooler,
    'a transaction pooler such as PgBouncer answers there. Set DATABASE_DIRECT_URL to the address of PostgreSQL itself; docs/configuration.md says more.',
  ],
  // Last: it knows several of the codes above too.
  [
    isUnreachable,
    'nothing answers there as PostgreSQL would. Start PostgreSQL, or correct the address, and run this again.',
  ],
]

function explainDatabase(causes: Error[], database: string): Explained | undefined {
  const codes = new Set(causes.map((each) => ('code' in each ? each.code : undefined)))
  const byCode = byDatabaseCode.find(([each]) => each.some((code) => codes.has(code)))
  const found = byCode ?? byKind.find(([is]) => causes.some(is))
  return found === undefined ? undefined : expected('database', `The database (${database}): ${found[1]}`)
}

/** An error and all that caused it, outermost first. */
function* causesOf(error: unknown): Generator<Error> {
  if (!(error instanceof Error)) return
  yield error
  if (error instanceof AggregateError) for (const each of error.errors) yield* causesOf(each)
  yield* causesOf(error.cause)
}

/** What a store that cannot serve said, as a sentence, and what to do, as the beginning of one. */
export function describeStoreFailure(error: StoreError): { says: string; advice: string } {
  if (!(error instanceof BackupStoreError)) return describe(error, undefined)
  const { cause, address: place, policy } = error
  const told = describe(cause, place)
  const isForbidden = cause instanceof S3Error && cause.failure.trouble === 'not_allowed'
  return isForbidden && policy !== undefined ? { ...told, advice: advisePolicy(policy) } : told
}

/** What to do where a right is missing in a bucket of backups, as the beginning of a sentence. */
export function advisePolicy(policy: string): string {
  return `Use credentials that have the policy deploy/policies/${policy}.json`
}

/** `place`: where backups are kept, when it was that. */
function describe(error: StoreError, place: string | undefined): { says: string; advice: string } {
  const where = place ?? 'S3'
  if (error instanceof S3Error)
    return {
      says: `${where} cannot be used (${error.failure.s3Code}).`,
      advice: place === undefined ? seeS3Test : 'See that it answers and may be used with these credentials',
    }
  const disk = place ?? 'UPLOADS_DIR or DATA_DIR'
  return {
    says: `${disk}: ${describeDiskFailure(error.cause) ?? error.message}`,
    advice: adviseOnDiskFailure(error.cause),
  }
}

const seeS3Test = 'See what ./bin/paniq-docs s3 test says'

/** What the end of a backup's patience is to people. `whatStands`: what a second run finds of the first. */
export function explainGaveUp(error: RetriesExhausted, whatStands: string): AppError {
  const { says, advice } = describeStoreFailure(error.cause)
  return new AppError('store_unavailable', `${says} ${advice}, and run this again: ${whatStands}.`, { cause: error })
}

/** What Node threw when it could not listen, as one line that says what to do; anything else as it came. */
export function explainListening(error: unknown, { host, port }: { host: string; port: number }): unknown {
  switch (codeOf(error) ?? '') {
    case 'EADDRINUSE':
      return new ConfigError(
        `Port ${port} is taken. Stop the program that uses it, or choose another: PORT=${port + 1} npm start`,
        { cause: error },
      )
    case 'EACCES':
      return new ConfigError(`PORT: ${port} may not be used by this user. Choose one above 1023: PORT=8000 npm start`, {
        cause: error,
      })
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new ConfigError(
        `HOST: ${JSON.stringify(host)} is no address of this machine. Use 127.0.0.1, or 0.0.0.0 for every one it has.`,
        { cause: error },
      )
    default:
      return error
  }
}

/** The command did what it was asked, the result is bad, and it has said so. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed'
}

/** Somebody told it to end before it had begun, or before it was done with what is soon done. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
  override readonly message = 'The command was stopped before it finished. Run it again.'
}

/** Asked for in a way that cannot be; the message says in which way it can. */
export class WrongUse extends Error {
  override readonly name = 'WrongUse'
}

/** Which database the settings mean, without its password and whatever else its address carries. */
export function describeDatabase(config: DatabaseConfig): string {
  if (config.kind === 'embedded') return 'the one that comes along, in DATA_DIR'
  const { url, ownerUrl, directUrl } = config
  const named = [`DATABASE_URL: ${describeAddress(url)}`]
  if (ownerUrl !== undefined) named.push(`DATABASE_OWNER_URL: ${describeAddress(ownerUrl)}`)
  if (directUrl !== url) named.push(`DATABASE_DIRECT_URL: ${describeAddress(directUrl)}`)
  return named.join('; ')
}

function describeAddress(address: string): string {
  const { username, hostname, port, pathname, searchParams } = new URL(address)
  // As the driver has it: what stands behind the question mark goes before what stands in front of it.
  const [host, itsPort, user] = [
    searchParams.get('host') || decoded(hostname) || 'localhost',
    searchParams.get('port') || port || '5432',
    searchParams.get('user') || decoded(username),
  ]
  const name = decoded(pathname.slice(1))
  return `${user ? `${user}@` : ''}${host}${host.startsWith('/') ? '' : `:${itsPort}`}${name === '' ? '' : `, database ${name}`}`
}

/** What is not written as an address would have it is taken as it stands, as the driver does. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

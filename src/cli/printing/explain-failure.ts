import type { DatabaseConfig } from '../../config/load-config.ts'
import { AppError, ConfigError, codeOf, hasCode } from '../../errors/app-error.ts'
import { sentenceOf } from '../../errors/faults.ts'
import { isFromPooler, isUnreachable, isWithoutTls } from '../../database/connection/postgres-errors.ts'
import { StoreError } from '../../storage/file-store.ts'
import { adviseOnDiskFailure, describeDiskFailure } from '../../storage/local/local-errors.ts'
import { S3Error } from '../../storage/s3/requests/s3-operation.ts'
import type { RetriesExhausted } from '../../backup/retrying-store.ts'
import { BackupStoreError } from '../../storage/backup-store/backup-store.ts'

export type Explained = {
  code: string
  /** One line, for the person who ran the command. */
  message: string
  /** An unexpected failure is logged with its stack. */
  isExpected: boolean
}

/**
 * Describes what went wrong and what to do, without a stack or a secret, and without library messages for known failures.
 * `database`: the database that the settings name.
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
    message: `Unexpected error: ${line}. Run it again with LOG_LEVEL=debug for details.`,
    isExpected: false,
  }
}

/** Errors with a message for the person who ran the command. */
function explainForeseen(error: unknown): Explained | undefined {
  if (error instanceof ConfigError) return expected('configuration', error.message)
  if (error instanceof WrongUse) return expected('wrong_use', error.message)
  if (error instanceof Interrupted) return expected('ended', error.message)
  return error instanceof AppError ? expected(error.code, sentenceOf(error)) : undefined
}

function expected(code: string, message: string): Explained {
  return { code, message, isExpected: true }
}

// Before the database: both report the same connection errors.
function explainStore(causes: Error[]): Explained | undefined {
  const error = causes.find((each) => each instanceof StoreError)
  if (error?.code !== 'unavailable') return undefined
  const { message, advice } = describeStoreFailure(error)
  return expected('store_unavailable', `${message} ${advice}, and run this again.`)
}

/** A file or folder of the settings or of the command line. A missing one is a bug, unless the code looked for it. */
function explainDisk(causes: Error[]): Explained | undefined {
  for (const each of causes) {
    if (!('path' in each) || hasCode(each, 'ENOENT')) continue
    const message = describeDiskFailure(each)
    if (message !== undefined)
      return expected('disk', `${String(each.path)}: ${message} ${adviseOnDiskFailure(each)}, and run this again.`)
  }
  return undefined
}

const byDatabaseCode: [codes: string[], message: string][] = [
  [['28P01'], 'the server rejects this user or password. Correct it.'],
  [
    ['28000'],
    'the server has no such user, or does not accept it from this machine, or only over TLS. Correct the user, or add ?sslmode=verify-full to the address.',
  ],
  [['3D000'], 'the database does not exist. Create it (createdb NAME), or name another.'],
  [
    ['42501'],
    'this user lacks a permission: to create or change the tables, or one in docs/grants.md. Run ./bin/paniq-docs db migrate with DATABASE_OWNER_URL set to the owner of the tables: it grants the service’s user all its permissions.',
  ],
  [['53300'], 'the server accepts no more connections. Close some, or raise max_connections.'],
  [['57P03'], 'the server is starting or stopping. Wait a few seconds and try again.'],
  [['ENOTFOUND', 'EAI_AGAIN'], 'its host name is unknown. Correct the address.'],
  [['ERR_TLS_CERT_ALTNAME_INVALID'], 'the server’s certificate is for another name. Use that name.'],
  [
    ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'],
    'the server’s certificate is out of date. Renew it, or correct the clock.',
  ],
  [
    [
      'SELF_SIGNED_CERT_IN_CHAIN',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'UNABLE_TO_GET_ISSUER_CERT',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    ],
    'the server’s certificate is not trusted. Add sslrootcert=/path/to/its/ca.pem to the address.',
  ],
]

const byKind: [is: (error: unknown) => boolean, message: string][] = [
  [
    isWithoutTls,
    'the server does not use TLS. Remove sslmode from the address, or turn on TLS in the server (ssl = on).',
  ],
  [
    isFromPooler,
    'a transaction pooler such as PgBouncer answers there. Set DATABASE_DIRECT_URL to the address of PostgreSQL itself; see docs/configuration.md.',
  ],
  // Last: it covers several of the codes above too.
  [isUnreachable, 'no PostgreSQL answers there. Start PostgreSQL, or correct the address, and run this again.'],
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

/** The failure of a store as a sentence, and what to do as the beginning of one. */
export function describeStoreFailure(error: StoreError): { message: string; advice: string } {
  if (!(error instanceof BackupStoreError)) return describe(error, undefined)
  const { cause, address: place, policy } = error
  const described = describe(cause, place)
  const isForbidden = cause instanceof S3Error && cause.failure.trouble === 'not_allowed'
  return isForbidden && policy !== undefined ? { ...described, advice: advisePolicy(policy) } : described
}

/** What to do about a missing permission in a bucket of backups, as the beginning of a sentence. */
export function advisePolicy(policy: string): string {
  return `Use credentials that have the policy deploy/policies/${policy}.json`
}

/** `place`: where the backups are, when the store is that. */
function describe(error: StoreError, place: string | undefined): { message: string; advice: string } {
  const where = place ?? 'S3'
  if (error instanceof S3Error)
    return {
      message: `${where} cannot be used (${error.failure.s3Code}).`,
      advice: place === undefined ? seeS3Test : 'Check that it answers and accepts these credentials',
    }
  const disk = place ?? 'UPLOADS_DIR or DATA_DIR'
  return {
    message: `${disk}: ${describeDiskFailure(error.cause) ?? error.message}`,
    advice: adviseOnDiskFailure(error.cause),
  }
}

const seeS3Test = 'Find the cause with ./bin/paniq-docs s3 test'

/** Explains that a backup stopped retrying. `whatStands`: what a second run finds of the first. */
export function explainGaveUp(error: RetriesExhausted, whatStands: string): AppError {
  const { message, advice } = describeStoreFailure(error.cause)
  return new AppError('store_unavailable', `${message} ${advice}, and run this again: ${whatStands}.`, { cause: error })
}

/** Explains a failure to listen. Returns other errors unchanged. */
export function explainListening(error: unknown, { host, port }: { host: string; port: number }): unknown {
  switch (codeOf(error) ?? '') {
    case 'EADDRINUSE':
      return new ConfigError(
        `Port ${port} is in use. Stop the program that uses it, or choose another port: PORT=${port + 1} npm start`,
        { cause: error },
      )
    case 'EACCES':
      return new ConfigError(`PORT: this user may not use ${port}. Choose a port above 1023: PORT=8000 npm start`, {
        cause: error,
      })
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new ConfigError(
        `HOST: ${JSON.stringify(host)} is not an address of this machine. Use 127.0.0.1, or 0.0.0.0 for every address.`,
        { cause: error },
      )
    default:
      return error
  }
}

/** The command has run, and has printed that its result is a failure. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed'
}

/** A shutdown signal stopped the command before it did anything, or within a short operation. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
  override readonly message = 'The command was stopped before it finished. Run it again.'
}

/** A usage error. The message says what is allowed. */
export class WrongUse extends Error {
  override readonly name = 'WrongUse'
}

/** Describes the database of the settings, without its password and the other parts of its address. */
export function describeDatabase(config: DatabaseConfig): string {
  if (config.kind === 'embedded') return 'the embedded one, in DATA_DIR'
  const { url, ownerUrl, directUrl } = config
  const named = [`DATABASE_URL: ${describeAddress(url)}`]
  if (ownerUrl !== undefined) named.push(`DATABASE_OWNER_URL: ${describeAddress(ownerUrl)}`)
  if (directUrl !== url) named.push(`DATABASE_DIRECT_URL: ${describeAddress(directUrl)}`)
  return named.join('; ')
}

function describeAddress(address: string): string {
  const { username, hostname, port, pathname, searchParams } = new URL(address)
  // As in the driver: the query of the address wins over its host, port and user.
  const [host, itsPort, user] = [
    searchParams.get('host') || decoded(hostname) || 'localhost',
    searchParams.get('port') || port || '5432',
    searchParams.get('user') || decoded(username),
  ]
  const name = decoded(pathname.slice(1))
  return `${user ? `${user}@` : ''}${host}${host.startsWith('/') ? '' : `:${itsPort}`}${name === '' ? '' : `, database ${name}`}`
}

/** Text that is not valid percent-encoding stays as it is, as in the driver. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

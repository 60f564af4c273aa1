import type { Db } from '../../database/connection/client.ts'
import { connectDatabase, type ConnectedDatabase } from '../../database/connect-database.ts'
import { isKnownFirm } from '../../database/people/firms.ts'
import { type Account, findAccountByEmail } from '../../database/people/accounts.ts'
import { AppError } from '../../errors/app-error.ts'
import { untilAborted } from '../../storage/streams/read-spooled-file.ts'
import type { FirmId } from '../../vocabulary/vocabulary.ts'
import { WrongUse } from '../printing/explain-failure.ts'
import type { CommandNeeds } from './run-command.ts'

/**
 * Runs a command that needs only the database: joins that of a running service, or starts the embedded one for this
 * command. Throws `Interrupted` at a shutdown signal; an embedded database that was started for the command stops too.
 */
export async function withDatabase<Result>(
  { config, log, signal, comparesAll = false }: Omit<CommandNeeds, 'print'> & { comparesAll?: boolean },
  work: (database: ConnectedDatabase) => Promise<Result>,
): Promise<Result> {
  const { database: itsConfig, dataDir } = config
  const database = await connectDatabase({ config: itsConfig, dataDir, log, comparesAll, signal }).catch(
    (error: unknown) => {
      signal.throwIfAborted()
      throw error
    },
  )
  try {
    signal.throwIfAborted()
    return await untilAborted(work(database), signal)
  } finally {
    await database.close()
  }
}

/** Only for operators: it shows whether an account exists. Throws `not_found`. */
export async function requireAccount(db: Db, email: string): Promise<Account> {
  const account = await findAccountByEmail(db, email)
  if (account !== undefined) return account
  throw new AppError(
    'not_found',
    `There is no account with the e-mail ${email}. Correct it, or create the account with \`users create\`.`,
  )
}

/** Without this check a mistyped id would look like a firm that has no documents. */
export async function requireFirm(db: Db, firmId: FirmId): Promise<void> {
  if (await isKnownFirm(db, firmId)) return
  throw new WrongUse(
    `There is no firm ${firmId}. GET /api/v1/security-firms and the table security_firms list the ids of firms.`,
  )
}

/** `db migrate`. Opening the database runs the migrations; here it also compares every row of the platform with ours. */
export async function migrateDatabase(needs: CommandNeeds): Promise<void> {
  const { print } = needs
  const { migrated, granted } = await withDatabase({ ...needs, comparesAll: true }, async (database) =>
    Promise.resolve(database),
  )

  print.json({ migrated, granted_to: granted ?? null })
  const done = print.mark(true)
  for (const name of migrated) print.text(`${done} ${name}`)
  if (granted !== undefined) print.text(`${done} Granted the role ${granted} its rights.`)
  const isNothing = migrated.length === 0 && granted === undefined
  print.text(`${done} The database is up to date${isNothing ? '; nothing changed' : ''}.`)
}

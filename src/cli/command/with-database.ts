import type { Logger } from 'pino'

import type { ConfigWithoutTokens } from '../../config/config.ts'
import type { Db } from '../../database/connection/client.ts'
import { connectDatabase, type ConnectedDatabase } from '../../database/connect-database.ts'
import { isKnownFirm } from '../../database/people/firms.ts'
import { type Account, findAccountByEmail } from '../../database/people/accounts.ts'
import { AppError } from '../../errors/app-error.ts'
import { untilAborted } from '../../storage/streams/read-as-it-grows.ts'
import type { FirmId } from '../../vocabulary/vocabulary.ts'
import { WrongUse } from '../printing/explain-failure.ts'
import type { Printer } from '../printing/printer.ts'

/** What a command has that does not open the app. */
export type CommandNeeds = {
  config: ConfigWithoutTokens
  log: Logger
  print: Printer
  /** Aborts when the command is asked to end. */
  signal: AbortSignal
}

/**
 * For a command that needs nothing else: joins the database of a running service, or starts the embedded one for as long as
 * it takes. Throws `Interrupted` when it is told to end; an embedded one that was started for it ends too.
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

/** For the operator, who may know who has an account. Throws `not_found`. */
export async function requireAccount(db: Db, email: string): Promise<Account> {
  const account = await findAccountByEmail(db, email)
  if (account !== undefined) return account
  throw new AppError(
    'not_found',
    `There is no account with the e-mail ${email}. Correct it, or make one: users create.`,
  )
}

/** A mistyped id would else be answered as a firm that has nothing. */
export async function requireFirm(db: Db, firmId: FirmId): Promise<void> {
  if (await isKnownFirm(db, firmId)) return
  throw new WrongUse(
    `There is no firm ${firmId}. The ids of firms stand in the table security_firms; GET /api/v1/security-firms lists them.`,
  )
}

/** Opening a database migrates it; here that is all there is to do, down to the last row that the platform wrote before us. */
export async function migrateDatabase(needs: CommandNeeds): Promise<void> {
  const { print } = needs
  const { migrated, granted } = await withDatabase({ ...needs, comparesAll: true }, async (database) =>
    Promise.resolve(database),
  )

  print.json({ migrated, granted_to: granted ?? null })
  const done = print.mark(true)
  for (const name of migrated) print.text(`${done} ${name}`)
  if (granted !== undefined) print.text(`${done} The role ${granted} was given its rights anew.`)
  const isNothing = migrated.length === 0 && granted === undefined
  print.text(`${done} The database is up to date${isNothing ? '; nothing had to be done' : ''}.`)
}

import type { Logger } from 'pino'

import type { ConfigWithoutTokens } from '../config.ts'
import type { Printer } from './printer.ts'
import { withDatabase } from './with-database.ts'

type Needs = { config: ConfigWithoutTokens; log: Logger; print: Printer; signal: AbortSignal }

/** Opening a database migrates it; here that is all there is to do, down to the last row that the platform wrote before us. */
export async function migrateDatabase(needs: Needs): Promise<void> {
  const { print } = needs
  const { migrated, granted } = await withDatabase({ ...needs, comparesAll: true }, async (database) =>
    Promise.resolve(database),
  )

  print.answer({ migrated, granted_to: granted ?? null })
  const done = print.paint('green', '✓')
  for (const name of migrated) print.say(`${done} ${name}`)
  if (granted !== undefined) print.say(`${done} The role ${granted} was given its rights anew.`)
  const isNothing = migrated.length === 0 && granted === undefined
  print.say(`${done} The database is up to date${isNothing ? '; nothing had to be done' : ''}.`)
}

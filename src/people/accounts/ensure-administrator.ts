import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { findAccountByEmail, hasAnyAdministrator } from '../../database/people/accounts.ts'
import type { Db } from '../../database/connection/client.ts'
import type { EventActor } from '../../database/audit/events.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { lockFirstStart } from '../../database/schema/installation.ts'
import { readIfExists } from '../../files/file-system.ts'
import { addAccount } from './accounts.ts'
import type { Passwords } from '../sessions/passwords.ts'

/** Who looks after an embedded installation that was given no `ADMIN_EMAIL`. */
const firstAdministratorEmail = 'admin@paniq.local'

type Credentials = { email: string; password: string }

/** `actor`: the start's. */
type Needs = { db: Db; passwords: Passwords; actor: EventActor }

export type AdministratorRequest = {
  /** `ADMIN_EMAIL` and `ADMIN_PASSWORD`. */
  given: Credentials | undefined
  /** Where nobody shares the database, somebody must be first. */
  isEmbedded: boolean
  /** Shows or keeps a generated password. Done before the account stands, so that a kill in between loses nothing. */
  handOver: (credentials: Credentials) => Promise<void>
}

export type AdministratorOutcome =
  | { kind: 'made'; email: string; isGenerated: boolean }
  | { kind: 'present'; email: string }
  /** The e-mail belongs to somebody without that role, who is not given it: anybody may have registered with it. */
  | { kind: 'not_an_administrator'; email: string }
  /** Nobody was asked for, and somebody has the role. */
  | { kind: 'not_needed' }
  /** Nobody was asked for, and the database is shared: whose it is sees to that. */
  | { kind: 'not_wanted' }

/**
 * Creates the administrator at start where it is missing. Of several instances that start at once one does. An existing
 * account stays as it is.
 */
export async function ensureAdministrator(
  { db, passwords, actor }: Needs,
  { given, isEmbedded, handOver }: AdministratorRequest,
): Promise<AdministratorOutcome> {
  if (given === undefined && !isEmbedded) return { kind: 'not_wanted' }
  const isGenerated = given === undefined
  const email = given?.email ?? firstAdministratorEmail
  const findOutcome = (trx: Db) => (isGenerated ? outcomeForFirst(trx, email) : outcomeFor(trx, email))
  const found = await findOutcome(db)
  if (found !== undefined) return found

  const password = given?.password ?? randomBytes(18).toString('base64url')
  const passwordHash = await passwords.hash(password)
  return await inTransaction(db, async (trx): Promise<AdministratorOutcome> => {
    await lockFirstStart(trx)
    const foundNow = await findOutcome(trx)
    if (foundNow !== undefined) return foundNow
    await addAccount(trx, { actor, by: 'start' }, administrator(email), passwordHash)
    if (isGenerated) await handOver({ email, password })
    return { kind: 'made', email, isGenerated }
  })
}

export function passwordFile(dataDir: string): string {
  return join(dataDir, 'initial-admin-password')
}

/** Keeps a generated password where only the service's user reads it. */
export async function writePasswordFile(dataDir: string, { email, password }: Credentials): Promise<string> {
  const path = passwordFile(dataDir)
  const unfinished = `${path}.${randomBytes(6).toString('hex')}`
  const file = await open(unfinished, 'wx', 0o600)
  try {
    await file.writeFile(`${email}\n${password}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(unfinished, path)
  return path
}

/** Takes the file away once its password is that of its person no longer. */
export async function removePasswordFile(dataDir: string, email: string): Promise<void> {
  const path = passwordFile(dataDir)
  const [whose] = ((await readIfExists(path)) ?? '').split('\n')
  if (whose === email) await rm(path, { force: true })
}

async function outcomeFor(db: Db, email: string): Promise<AdministratorOutcome | undefined> {
  const account = await findAccountByEmail(db, email)
  if (account === undefined) return undefined
  return { kind: account.role === 'admin' ? 'present' : 'not_an_administrator', email: account.email }
}

async function outcomeForFirst(db: Db, email: string): Promise<AdministratorOutcome | undefined> {
  return (await hasAnyAdministrator(db)) ? { kind: 'not_needed' } : await outcomeFor(db, email)
}

function administrator(email: string) {
  return { email, firstName: 'Platform', lastName: 'Administrator', role: 'admin', isVerified: true } as const
}

import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { findAccountByEmail, hasAnyAdministrator } from '../../database/people/accounts.ts'
import type { Db } from '../../database/connection/client.ts'
import { markPasswordAsGenerated } from '../../database/passwords/generated-passwords.ts'
import type { EventActor } from '../../database/audit/events.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { lockFirstStart } from '../../database/schema/installation.ts'
import { readIfExists } from '../../files/file-system.ts'
import { addAccount } from './create-account.ts'
import { firstAdministratorEmail } from '../passwords/password-login.ts'
import type { Passwords } from '../passwords/passwords.ts'

type Credentials = { email: string; password: string }

type Needs = { db: Db; passwords: Passwords; actor: EventActor }

export type AdministratorRequest = {
  /** `ADMIN_EMAIL` and `ADMIN_PASSWORD`. */
  given: Credentials | undefined
  /** An embedded database has no administrator at first. */
  isEmbedded: boolean
  /** Prints or stores a generated password. It runs before the commit, so that a kill in between loses nothing. */
  handOver: (credentials: Credentials) => Promise<void>
}

export type AdministratorOutcome =
  | { kind: 'made'; email: string; isGenerated: boolean }
  | { kind: 'present'; email: string }
  /** The account lacks the role and does not get it: anybody may have registered with this e-mail. */
  | { kind: 'not_an_administrator'; email: string }
  /** None was requested, and an administrator exists. */
  | { kind: 'not_needed' }
  /** None was requested, and the database is shared with the platform. */
  | { kind: 'not_wanted' }

/**
 * Creates the administrator at the start if it is missing. If several instances start at once, one of them does it. An
 * existing account stays as it is.
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
  const passwordHash = await passwords.hash(password, actor, { about: [email] })
  return await inTransaction(db, async (trx): Promise<AdministratorOutcome> => {
    await lockFirstStart(trx)
    const foundNow = await findOutcome(trx)
    if (foundNow !== undefined) return foundNow
    const { id } = await addAccount(trx, { actor, by: 'start' }, administrator(email), passwordHash)
    if (isGenerated) {
      await markPasswordAsGenerated(trx, id)
      await handOver({ email, password })
    }
    return { kind: 'made', email, isGenerated }
  })
}

export function passwordFile(dataDir: string): string {
  return join(dataDir, 'initial-admin-password')
}

/** Writes a generated password to a file that only the service's user can read. */
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

/** Removes the file once its person has another password. */
export async function removePasswordFile(dataDir: string, email: string): Promise<void> {
  const path = passwordFile(dataDir)
  const [owner] = ((await readIfExists(path)) ?? '').split('\n')
  if (owner === email) await rm(path, { force: true })
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

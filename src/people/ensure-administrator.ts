import { randomBytes } from 'node:crypto'
import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'

import { findAccountByEmail, hasAnyAccount } from '../database/accounts.ts'
import type { Db } from '../database/client.ts'
import { inTransaction } from '../database/in-transaction.ts'
import { takeFirstStartLock } from '../database/installation.ts'
import { addAccount } from './create-account.ts'
import type { Passwords } from './passwords.ts'
import { isAdministrator } from './require-person.ts'

/** Who looks after an embedded installation that was given no `ADMIN_EMAIL`. */
const firstAdministratorEmail = 'admin@paniq.local'

type Credentials = { email: string; password: string }

export type AdministratorWish = {
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
  | { kind: 'not_wanted' }

/** Sees to it at start that the wished-for administrator exists. Of several instances that start at once one makes it. An existing account is left as it is. */
export async function ensureAdministrator(
  needs: { db: Db; passwords: Passwords },
  { given, isEmbedded, handOver }: AdministratorWish,
): Promise<AdministratorOutcome> {
  if (given !== undefined) return await ensureGiven(needs, given)
  if (!isEmbedded || (await hasAnyAccount(needs.db))) return { kind: 'not_wanted' }

  const generated = { email: firstAdministratorEmail, password: randomBytes(18).toString('base64url') }
  const passwordHash = await needs.passwords.hash(generated.password)
  return await inTransaction(needs.db, async (trx): Promise<AdministratorOutcome> => {
    await takeFirstStartLock(trx)
    if (await hasAnyAccount(trx)) return { kind: 'not_wanted' }
    await addAccount(trx, administrator(generated.email), passwordHash)
    await handOver(generated)
    return { kind: 'made', email: generated.email, isGenerated: true }
  })
}

/** Keeps a generated password where only the service's user reads it. */
export async function writePasswordFile(dataDir: string, { email, password }: Credentials): Promise<string> {
  const path = join(dataDir, 'initial-admin-password')
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

async function ensureGiven(
  { db, passwords }: { db: Db; passwords: Passwords },
  { email, password }: Credentials,
): Promise<AdministratorOutcome> {
  const found = await outcomeFor(db, email)
  if (found !== undefined) return found

  const passwordHash = await passwords.hash(password)
  return await inTransaction(db, async (trx): Promise<AdministratorOutcome> => {
    await takeFirstStartLock(trx)
    const foundNow = await outcomeFor(trx, email)
    if (foundNow !== undefined) return foundNow
    await addAccount(trx, administrator(email), passwordHash)
    return { kind: 'made', email, isGenerated: false }
  })
}

async function outcomeFor(db: Db, email: string): Promise<AdministratorOutcome | undefined> {
  const account = await findAccountByEmail(db, email)
  if (account === undefined) return undefined
  return { kind: isAdministrator(account) ? 'present' : 'not_an_administrator', email: account.email }
}

function administrator(email: string) {
  return { email, firstName: 'Platform', lastName: 'Administrator', role: 'admin', isVerified: true } as const
}

import { type Account, findAccountById } from '../database/accounts.ts'
import type { Db, Tx } from '../database/client.ts'
import { recordEvent } from '../database/events.ts'
import { AppError } from '../errors.ts'
import type { Actor, UserId } from '../vocabulary.ts'
import { assertMayAct } from './assert-may-act.ts'

/** Who asks, as the database knows them now. Throws `unauthenticated` for nobody, `forbidden` for somebody shut out. */
export async function requirePerson(db: Db | Tx, userId: UserId): Promise<Account> {
  const account = await findAccountById(db, userId)
  if (account === undefined) throw new AppError('unauthenticated', 'This account no longer exists. Log in again.')
  assertMayAct(account)
  return account
}

/** A refusal stands in the audit trail. */
export async function requireAdministrator(db: Db, actor: Actor, action: string): Promise<Account> {
  const account = await requirePerson(db, actor.userId)
  if (isAdministrator(account)) return account
  await recordEvent(db, actor, { action, outcome: 'forbidden' })
  throw new AppError('forbidden', 'Only an administrator of the platform may do this.')
}

export function isAdministrator(account: Account): boolean {
  return account.role === 'admin'
}

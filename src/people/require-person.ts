import { type Account, findAccountById } from '../database/accounts.ts'
import type { Db } from '../database/client.ts'
import { refusalAnswers } from '../database/membership.ts'
import { AppError } from '../errors.ts'
import type { Actor, UserId } from '../vocabulary.ts'
import { assertMayAct } from './assert-may-act.ts'
import { recordRefusal } from './record-refusal.ts'

/**
 * Who asks, as the database knows them now. Throws `unauthenticated` for nobody, `forbidden` for somebody shut out;
 * the refusal stands in the audit trail under the action that they wanted.
 */
export async function requirePerson(db: Db, actor: Actor, action: string): Promise<Account> {
  return await recordRefusal(db, actor, { action }, () => findWhoMayAct(db, actor.userId))
}

/** The same for what an administrator of the platform alone may do. */
export async function requireAdministrator(db: Db, actor: Actor, action: string): Promise<Account> {
  return await recordRefusal(db, actor, { action }, async () => {
    const account = await findWhoMayAct(db, actor.userId)
    if (!isAdministrator(account)) throw new AppError('forbidden', 'Only an administrator of the platform may do this.')
    return account
  })
}

async function findWhoMayAct(db: Db, userId: UserId): Promise<Account> {
  const account = await findAccountById(db, userId)
  if (account === undefined) throw new AppError(...refusalAnswers.unauthenticated)
  assertMayAct(account)
  return account
}

export function isAdministrator(account: Account): boolean {
  return account.role === 'admin'
}

import { type Account, findAccountByEmail } from '../database/accounts.ts'
import type { Db } from '../database/client.ts'
import { AppError } from '../errors.ts'

/** For the operator, who may know who has an account. Throws `not_found`. */
export async function requireAccount(db: Db, email: string): Promise<Account> {
  const account = await findAccountByEmail(db, email)
  if (account !== undefined) return account
  throw new AppError(
    'not_found',
    `There is no account with the e-mail ${email}. Correct it, or make one: users create.`,
  )
}

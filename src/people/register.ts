import type { Account } from '../database/accounts.ts'
import { inTransaction } from '../database/in-transaction.ts'
import { hasAdoptedPlatformTables } from '../database/installation.ts'
import type { Visitor } from '../vocabulary.ts'
import { addAccount } from './create-account.ts'
import type { LogInNeeds } from './log-in.ts'
import { startSession } from './start-session.ts'
import type { Tokens } from './tokens.ts'

export type Registration = {
  email: string
  password: string
  firstName: string
  lastName: string
  phone: string | undefined
}

/** `tokens` is undefined where the platform must verify the person before they can log in. */
export type Registered = { account: Account; tokens: Tokens | undefined }

/** A person makes an account of their own and, where nobody need verify them, is logged in. */
export async function register(
  needs: LogInNeeds,
  visitor: Visitor,
  { password, ...person }: Registration,
): Promise<Registered> {
  const passwordHash = await needs.passwords.hash(password)
  const isVerified = !(await hasAdoptedPlatformTables(needs.db))

  return await inTransaction(needs.db, async (trx) => {
    const account = await addAccount(trx, { visitor }, { ...person, role: 'user', isVerified }, passwordHash)
    const tokens = isVerified ? await startSession(needs, trx, visitor, account) : undefined
    return { account, tokens }
  })
}

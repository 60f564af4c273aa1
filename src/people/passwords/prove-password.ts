import type { Db, Tx } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { findAccount, lockAccountAlone } from '../../database/people/accounts.ts'
import { clearFailures, digestEmail } from '../../database/passwords/login-failures.ts'
import { findProof, renewProof } from '../../database/people/sessions.ts'
import { AccessDenied, AppError } from '../../errors/app-error.ts'
import type { Actor, Clock } from '../../vocabulary/vocabulary.ts'
import type { Passwords } from '../passwords/passwords.ts'
import { recordDenial } from '../require-right.ts'
import { assertNotLockedOut, countWrongPassword } from './login-lockout.ts'

export type ProofNeeds = { db: Db; passwords: Passwords; now: Clock }

type PasswordProof = {
  password: string
  /** The caller's, from the row that their right was checked with. */
  email: string
  /** The answer to a wrong password. */
  wrong: string
}

/**
 * Runs `work` in a transaction after the caller's password was right. A wrong one is `forbidden` and counts as a failed login,
 * so that a stolen session guesses no more passwords than a login does. Throws `rate_limited` during a lockout.
 */
export async function withPassword<Result>(
  { db, passwords, now }: ProofNeeds,
  { userId, ip }: Actor,
  { password, email, wrong }: PasswordProof,
  work: (trx: Tx) => Promise<Result>,
): Promise<Result> {
  const digest = await digestEmail(db, email)
  await assertNotLockedOut(db, digest, now())
  const account = await findAccount(db, userId)
  if (!(await passwords.matches(password, account?.passwordHash ?? null, { ip, knownAs: userId })))
    throw await countWrongPassword(db, digest, now(), new AppError('forbidden', wrong))

  return await inTransaction(db, async (trx) => {
    // Concurrent guesses may have reached the lockout meanwhile, or the password may have changed.
    if (!(await clearFailures(trx, digest, now()))) await assertNotLockedOut(trx, digest, now())
    // Not a shared lock: `work` may change the account, and two that share it would wait for each other.
    await lockAccountAlone(trx, userId)
    const current = await findAccount(trx, userId)
    if (current?.passwordHash !== account?.passwordHash) throw new AccessDenied('session_over')
    return await work(trx)
  })
}

const freshMs = 10 * 60 * 1000

type Proof = {
  /** The action that needs the proof, for the event of a denial. */
  action: string
  email: string
  password: string | undefined
}

/**
 * For what would let a stolen session stay: the session began within ten minutes, or its person sends their password, which
 * counts as another login for ten minutes. A password that is sent must be right. Throws `forbidden`. A token of the platform
 * or of a provider names no session of ours, so that its own sign-in is all there is.
 */
export async function requireFreshProof(needs: ProofNeeds, actor: Actor, proof: Proof): Promise<void> {
  if (proof.password === undefined && (await isFresh(needs, actor))) return
  await requirePassword(needs, actor, proof)
}

async function isFresh({ db, now }: ProofNeeds, { sessionId }: Actor): Promise<boolean> {
  if (sessionId === undefined) return true
  const provenAt = await findProof(db, sessionId)
  return provenAt !== undefined && now().getTime() - provenAt.getTime() <= freshMs
}

/**
 * For what would shut the person out if a thief did it: their password, also in a new session and with a token that names
 * none. It counts as another login for ten minutes. Throws `forbidden`.
 */
export async function requirePassword(
  needs: ProofNeeds,
  actor: Actor,
  { action, email, password }: Proof,
): Promise<void> {
  const { db, now } = needs
  const { sessionId } = actor
  await recordDenial(db, actor, { action, details: { reason: 'not_proven' } }, async () => {
    if (password === undefined) throw notProven()
    const proof = { password, email, wrong: 'The password is wrong. Nothing was changed.' }
    await withPassword(needs, actor, proof, async (trx) => {
      if (sessionId !== undefined) await renewProof(trx, sessionId, now())
    })
  })
}

export function notProven(): AppError {
  return new AppError(
    'forbidden',
    'Confirm that it is you: send your password too, in the field "password". To add something, it is enough in most cases to log in again, up to 10 minutes before.',
  )
}

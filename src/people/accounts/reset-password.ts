import { recordEvent } from '../../database/audit/events.ts'
import type { Db } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { findAccountOfLink, useLink } from '../../database/mail/link-tokens.ts'
import { forgetGeneratedPassword } from '../../database/passwords/generated-passwords.ts'
import { digestEmail, removeFailures } from '../../database/passwords/login-failures.ts'
import { type Account, findAccount, lockAccount, setPasswordHash } from '../../database/people/accounts.ts'
import { endSessionsOf } from '../../database/people/sessions.ts'
import { verifyEmailOf } from '../../database/people/unverified-emails.ts'
import { deleteFactors } from '../../database/second-factors/factors.ts'
import { requirePasswordWithPasskeys } from '../../database/second-factors/passkeys.ts'
import { AccessDenied, AppError } from '../../errors/app-error.ts'
import { type NotifyNeeds, notifyOfChange, queueMail } from '../../mail/notify.ts'
import { hashSecret } from '../../vocabulary/secrets.ts'
import type { UserId, Visitor } from '../../vocabulary/vocabulary.ts'
import { revokeApiKeysOf } from '../api-keys/revoke-api-keys.ts'
import { type PasswordLogin, passwordLoginIsOff } from '../passwords/password-login.ts'
import type { Passwords } from '../passwords/passwords.ts'
import { recordDenial } from '../require-right.ts'
import { wordsAbout } from './create-account.ts'
import { removePasswordFile } from './ensure-administrator.ts'

const purpose = 'password_reset'
const action = 'account.password_reset'

/**
 * Queues the mail with the link to reset a password. It does not look for the account: a mail without one is dropped when it
 * is due, so that every e-mail takes the same time. Without mail, and where password login is off, only the event is left.
 */
export async function requestPasswordReset(
  { db, mailIsOn, passwordLogin }: { db: Db; mailIsOn: boolean; passwordLogin: PasswordLogin },
  visitor: Visitor,
  email: string,
): Promise<void> {
  await inTransaction(db, async (trx) => {
    if (mailIsOn && passwordLogin.isOn) await queueMail(trx, { kind: purpose, to: email, facts: {} })
    const personal = { email_sha256: await digestEmail(trx, email) }
    const caller = { ...visitor, userId: null }
    await recordEvent(trx, caller, { action: 'password.reset_requested', outcome: 'ok', personal })
  })
}

export type ResetPasswordNeeds = NotifyNeeds & {
  db: Db
  passwords: Passwords
  passwordLogin: PasswordLogin
  dataDir: string
}

/** `keepsApiKeys`: the person only forgot the password, and nobody else knew it. */
type PasswordReset = { token: string; newPassword: string; keepsApiKeys: boolean }

/**
 * Sets the password of the person who got the link, ends all their sessions and revokes the API keys that they made: somebody
 * who knew the old password may have made one. Second factors stay, or a mailbox alone would be enough to get in. A locked or suspended person stays locked
 * out, and a second factor is still required. Throws `forbidden`, or `validation_failed` for a password that is not
 * acceptable.
 */
export async function resetPassword(
  needs: ResetPasswordNeeds,
  visitor: Visitor,
  { token, newPassword, keepsApiKeys }: PasswordReset,
): Promise<void> {
  const { db, passwords, now, dataDir } = needs
  const sha256 = hashSecret(token)
  const userId = await findAccountOfLink(db, { sha256, purpose, now: now() })
  const caller = { ...visitor, userId: userId ?? null }
  const email = await recordDenial(db, caller, { action }, async () => {
    // Also of links from before it was off, and of the administrator who may still log in: no mail gives that login.
    if (!needs.passwordLogin.isOn) throw passwordLoginIsOff()
    // Before the slow hash, so that links that do not work cost no processor time.
    if (userId === undefined) throw linkIsOver()
    const account = await requireUnlocked(db, userId)
    const about = wordsAbout(account)
    const passwordHash = await passwords.hash(newPassword, visitor, { about, field: 'new_password' })
    return await storeReset(needs, visitor, { userId, sha256, passwordHash, keepsApiKeys })
  })
  await removePasswordFile(dataDir, email)
}

async function requireUnlocked(db: Db, userId: UserId): Promise<Account> {
  const account = await findAccount(db, userId)
  if (account === undefined) throw linkIsOver()
  if (account.isLocked || account.isSuspended) throw new AccessDenied('account_locked')
  return account
}

type CheckedReset = { userId: UserId; sha256: Buffer; passwordHash: string; keepsApiKeys: boolean }

async function storeReset(
  needs: ResetPasswordNeeds,
  visitor: Visitor,
  { userId, sha256, passwordHash, keepsApiKeys }: CheckedReset,
): Promise<string> {
  const { db, now } = needs
  const person = { ...visitor, userId }
  return await inTransaction(db, async (trx) => {
    // Two requests with one link: the second waits here, and finds it used.
    if (!(await useLink(trx, { subjectId: userId, purpose, sha256 }))) throw linkIsOver()
    if (!(await setPasswordHash(trx, userId, passwordHash))) throw linkIsOver()
    const account = await lockAccount(trx, userId)
    if (account === undefined) throw linkIsOver()
    // Locked since the check before.
    if (account.isLocked || account.isSuspended) throw new AccessDenied('account_locked')
    await removeFailures(trx, await digestEmail(trx, account.email))
    await forgetGeneratedPassword(trx, userId)
    // The link came by mail. What is from before is perhaps of somebody who registered with another person's e-mail.
    const isFirstProof = await verifyEmailOf(trx, userId)
    if (isFirstProof) await deleteFactors(trx, userId)
    // Somebody who knew the old password may have added one.
    await requirePasswordWithPasskeys(trx, userId)
    await endSessionsOf(trx, userId, now())
    const revokedKeys = keepsApiKeys && !isFirstProof ? 0 : await revokeApiKeysOf(trx, person, now())
    await recordEvent(trx, person, { action, outcome: 'ok', details: { api_keys_revoked: revokedKeys } })
    await notifyOfChange(needs, trx, userId, { change: 'password_reset', revokedKeys })
    return account.email
  })
}

function linkIsOver(): AppError {
  return new AppError('forbidden', 'This link is not valid any more. Ask for a new one.')
}

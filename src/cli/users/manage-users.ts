import { randomUUID } from 'node:crypto'

import type { ConfigWithoutTokens } from '../../config/load-config.ts'
import { systemActor } from '../../database/audit/events.ts'
import type { Identity } from '../../database/people/identities.ts'
import { findAccountByEmail } from '../../database/people/accounts.ts'
import { AppError, isAppError } from '../../errors/app-error.ts'
import { createAccount, setPassword } from '../../people/accounts/create-account.ts'
import { removePasswordFile } from '../../people/accounts/ensure-administrator.ts'
import { addIdentity, unlinkSubject } from '../../people/accounts/identities.ts'
import { createPasswords } from '../../people/passwords/passwords.ts'
import { resetSecondFactorOf } from '../../people/second-factors/reset-second-factor.ts'
import type { Subject } from '../../vocabulary/vocabulary.ts'
import type { NamedSubject, NewPerson } from './user-commands.ts'
import { WrongUse } from '../printing/explain-failure.ts'
import type { CommandNeeds } from '../command/run-command.ts'
import { requireAccount, withDatabase } from '../command/with-database.ts'

type PasswordNeeds = CommandNeeds & {
  /** Called only when the password is needed. */
  readPassword: () => Promise<string>
}

export async function createUser(needs: PasswordNeeds, { admin, ...person }: NewPerson): Promise<void> {
  const { print, readPassword } = needs
  const account = await withDatabase(needs, async ({ db }) => {
    if ((await findAccountByEmail(db, person.email)) !== undefined) throw accountExists()
    return createAccount(
      { db, passwords: createPasswords() },
      { actor: systemActor(randomUUID()), by: 'command' },
      { ...person, role: admin ? 'admin' : 'user', isVerified: true },
      await readPassword(),
    )
  }).catch((error: unknown) => {
    // The API's own message asks the person to log in, which does not help the operator.
    throw isAppError(error, 'conflict') ? accountExists(error) : error
  })
  print.json({ id: account.id, email: account.email, role: account.role })
  print.text(
    `${print.mark(true)} ${account.email} can log in${admin ? ', and is an administrator of the platform' : ''}.`,
  )
}

export async function setUserPassword(
  needs: PasswordNeeds,
  { email, isTemporary }: { email: string; isTemporary: boolean },
): Promise<void> {
  const { config, print, readPassword } = needs
  const person = await withDatabase(needs, async ({ db }) => {
    await requireAccount(db, email)
    const passwords = createPasswords()
    return setPassword({ ...notifying(config), db, passwords }, systemActor(randomUUID()), {
      email,
      password: await readPassword(),
      isTemporary,
    })
  })
  if (config.database.kind === 'embedded') await removePasswordFile(config.dataDir, person.email)
  print.json({ id: person.id, email: person.email })
  print.text(`${print.mark(true)} ${person.email} has a new password; their sessions have ended.`)
  if (isTemporary) print.text('They must change it at the next login.')
  print.text(
    'Their passkeys, their API keys and the tokens of the platform still work. To deny all access at once, lock the account: PATCH /api/v1/users/{id} with {"is_locked": true}, or People in the administration of the web page.',
  )
}

export async function resetUserSecondFactor(needs: CommandNeeds, email: string): Promise<void> {
  const { config, print } = needs
  const person = await withDatabase(needs, async ({ db }) => {
    await requireAccount(db, email)
    return resetSecondFactorOf({ ...notifying(config), db }, systemActor(randomUUID()), email)
  })
  print.json({ id: person.id, email: person.email })
  print.text(`${print.mark(true)} ${person.email} has no second factor any more; their sessions have ended.`)
}

/** A running service sends the notice. */
const notifying = ({ mail }: ConfigWithoutTokens) => ({ mailIsOn: mail !== undefined, now: () => new Date() })

function accountExists(cause?: unknown): AppError {
  return new AppError(
    'conflict',
    'An account with this e-mail already exists. Set its password with `users set-password`.',
    { cause },
  )
}

export async function linkUser(
  needs: CommandNeeds,
  { email, ...named }: NamedSubject & { email: string },
): Promise<void> {
  const { print } = needs
  const subject = subjectOf(needs.config, named)
  const { identity, account } = await withDatabase(needs, async ({ db }) => {
    const found = await requireAccount(db, email)
    const actor = systemActor(randomUUID())
    return {
      account: found,
      identity: await addIdentity({ ...notifying(needs.config), db }, actor, { ...subject, userId: found.id }),
    }
  })
  print.json(answerOf(identity))
  print.text(`${print.mark(true)} ${subject.subject} of ${subject.issuer} now logs in as ${account.email}.`)
}

export async function unlinkUser(needs: CommandNeeds, named: NamedSubject): Promise<void> {
  const { print } = needs
  const subject = subjectOf(needs.config, named)
  const identity = await withDatabase(needs, async ({ db }) =>
    unlinkSubject({ db, now: () => new Date() }, systemActor(randomUUID()), subject),
  ).catch((error: unknown) => {
    throw isAppError(error, 'not_found') ? noSuchLink(subject) : error
  })
  print.json(answerOf(identity))
  print.text(`${print.mark(true)} ${subject.subject} of ${subject.issuer} is no longer linked to an account.`)
}

function noSuchLink({ subject, issuer }: Subject): AppError {
  return new AppError(
    'not_found',
    `${subject} of ${issuer} is not linked to an account. Correct --subject or --issuer; GET /api/v1/users/{user_id}/identities lists the links of a person.`,
  )
}

function subjectOf({ openId }: ConfigWithoutTokens, { subject, issuer = openId?.issuer }: NamedSubject): Subject {
  if (issuer === undefined) throw new WrongUse('--issuer is required when JWT_ISSUER is not set.')
  return { issuer, subject }
}

function answerOf({ id, userId, issuer, subject }: Identity): object {
  return { id, user_id: userId, issuer, subject }
}

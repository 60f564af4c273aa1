import { randomUUID } from 'node:crypto'

import type { Logger } from 'pino'

import type { ConfigWithoutTokens } from '../config.ts'
import { systemActor } from '../database/events.ts'
import type { Identity } from '../database/identities.ts'
import { AppError, isAppError } from '../errors.ts'
import { addIdentity } from '../people/link-identity.ts'
import { unlinkSubject } from '../people/unlink-identity.ts'
import type { Subject } from '../vocabulary.ts'
import type { NamedSubject } from './add-identities.ts'
import { WrongUse } from './failures.ts'
import type { Printer } from './printer.ts'
import { requireAccount } from './require-account.ts'
import { withDatabase } from './with-database.ts'

type Needs = { config: ConfigWithoutTokens; log: Logger; print: Printer; signal: AbortSignal }

export async function linkUser(needs: Needs, { email, ...named }: NamedSubject & { email: string }): Promise<void> {
  const { print } = needs
  const subject = subjectOf(needs.config, named)
  const { identity, account } = await withDatabase(needs, async ({ db }) => {
    const found = await requireAccount(db, email)
    const actor = systemActor(randomUUID())
    return { account: found, identity: await addIdentity({ db }, actor, { ...subject, userId: found.id }) }
  })
  print.answer(answerOf(identity))
  print.say(`${print.paint('green', '✓')} ${subject.subject} of ${subject.issuer} is ${account.email} from now on.`)
}

export async function unlinkUser(needs: Needs, named: NamedSubject): Promise<void> {
  const { print } = needs
  const subject = subjectOf(needs.config, named)
  const identity = await withDatabase(needs, async ({ db }) =>
    unlinkSubject({ db }, systemActor(randomUUID()), subject),
  ).catch((error: unknown) => {
    throw isAppError(error, 'not_found') ? noSuchLink(subject) : error
  })
  print.answer(answerOf(identity))
  print.say(`${print.paint('green', '✓')} ${subject.subject} of ${subject.issuer} is nobody here from now on.`)
}

function noSuchLink({ subject, issuer }: Subject): AppError {
  return new AppError(
    'not_found',
    `There is no link of ${subject} of ${issuer}. Correct --subject or --issuer; GET /api/v1/users/{user_id}/identities lists the links of a person.`,
  )
}

function subjectOf({ openId }: ConfigWithoutTokens, { subject, issuer = openId?.issuer }: NamedSubject): Subject {
  if (issuer === undefined)
    throw new WrongUse('--issuer: name the provider; JWT_ISSUER, which else says it, is not set.')
  return { issuer, subject }
}

function answerOf({ id, userId, issuer, subject }: Identity): object {
  return { id, user_id: userId, issuer, subject }
}

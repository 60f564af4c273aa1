import { randomUUID } from 'node:crypto'

import type { Logger } from 'pino'

import { ConfigError } from '../config-error.ts'
import type { ConfigWithoutTokens } from '../config.ts'
import { findAccountByEmail } from '../database/accounts.ts'
import { systemActor } from '../database/events.ts'
import type { Identity } from '../database/identities.ts'
import { AppError } from '../errors.ts'
import { addIdentity } from '../people/link-identity.ts'
import { unlinkSubject } from '../people/unlink-identity.ts'
import type { Subject } from '../vocabulary.ts'
import type { NamedSubject } from './add-identities.ts'
import type { Printer } from './printer.ts'
import { withDatabase } from './with-database.ts'

type Needs = { config: ConfigWithoutTokens; log: Logger; print: Printer }

export async function linkUser(needs: Needs, { email, ...named }: NamedSubject & { email: string }): Promise<void> {
  const { print } = needs
  const subject = subjectOf(needs.config, named)
  const { identity, account } = await withDatabase(needs, async ({ db }) => {
    const found = await findAccountByEmail(db, email)
    if (found === undefined) throw new AppError('not_found', 'There is no account with this e-mail.')
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
  )
  print.answer(answerOf(identity))
  print.say(`${print.paint('green', '✓')} ${subject.subject} of ${subject.issuer} is nobody here from now on.`)
}

function subjectOf({ openId }: ConfigWithoutTokens, { subject, issuer = openId?.issuer }: NamedSubject): Subject {
  if (issuer === undefined) throw new ConfigError('JWT_ISSUER is not set; name the provider with --issuer.')
  return { issuer, subject }
}

function answerOf({ id, userId, issuer, subject }: Identity): object {
  return { id, user_id: userId, issuer, subject }
}

import type { Db } from '../database/client.ts'
import { refusalAnswers } from '../database/membership.ts'
import { findPerson, type Person } from '../database/persons.ts'
import { AppError } from '../errors.ts'
import type { Actor, UserId } from '../vocabulary.ts'
import { recordRefusal } from './record-refusal.ts'

/**
 * Who asks, as the database knows them now. Throws `unauthenticated` for nobody, `forbidden` for somebody shut out;
 * the refusal stands in the audit trail under the action that they wanted.
 */
export async function requirePerson(db: Db, actor: Actor, action: string): Promise<Person> {
  return await recordRefusal(db, actor, { action }, () => findWhoMayAct(db, actor.userId))
}

/** The same for what an administrator of the platform alone may do. */
export async function requireAdministrator(db: Db, actor: Actor, action: string): Promise<Person> {
  return await recordRefusal(db, actor, { action }, async () => {
    const person = await findWhoMayAct(db, actor.userId)
    if (!person.isAdministrator) throw new AppError('forbidden', 'Only an administrator of the platform may do this.')
    return person
  })
}

/** The same for what makes somebody a firm's member, which the platform's personnel cannot be. */
export async function requireRegisteredUser(db: Db, actor: Actor, action: string): Promise<Person> {
  return await recordRefusal(db, actor, { action }, async () => {
    const person = await findWhoMayAct(db, actor.userId)
    if (person.userType !== 'registered_user')
      throw new AppError('forbidden', 'Personnel of the platform belong to no firm here. Use an account of your own.')
    return person
  })
}

async function findWhoMayAct(db: Db, userId: UserId): Promise<Person> {
  const person = await findPerson(db, userId)
  if (person === undefined) throw new AppError(...refusalAnswers.unauthenticated)
  if (person.isShutOut) throw new AppError(...refusalAnswers.account_locked)
  return person
}

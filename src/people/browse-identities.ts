import type { Db } from '../database/client.ts'
import { type IdentityPage, type IdentityRecord, listIdentitiesOf } from '../database/identities.ts'
import { findPerson } from '../database/persons.ts'
import { AppError } from '../errors.ts'
import type { Actor, UserId } from '../vocabulary.ts'
import { requireAdministrator } from './require-person.ts'

/** The subjects that stand for a person, newest first, for administrators; also of somebody whom the platform deleted. Throws `not_found`. */
export async function browseIdentities(
  { db }: { db: Db },
  actor: Actor,
  userId: UserId,
  page: IdentityPage,
): Promise<IdentityRecord[]> {
  await requireAdministrator(db, actor, 'identity.listed')
  const identities = await listIdentitiesOf(db, userId, page)
  if (identities.length === 0 && (await findPerson(db, userId)) === undefined)
    throw new AppError('not_found', 'There is no such person.')
  return identities
}

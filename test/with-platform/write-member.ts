import type { FirmId, UserId } from '../../src/vocabulary/vocabulary.ts'
import type { Person } from '../support/people/people.ts'
import { signPlatformToken, writeFirm, writePerson } from '../support/platform/write-people.ts'
import type { Beside } from './open-instances.ts'

/** A person registered by the platform, in a firm of its own, with a token that it signed. */
export type Member = Person & { firmId: FirmId }

export async function writeMember({ platform, secret }: Pick<Beside, 'platform' | 'secret'>): Promise<Member> {
  const person = await writePerson(platform)
  const firmId = await writeFirm(platform, person)
  const headers = { authorization: `Bearer ${await signPlatformToken(person, secret)}` }
  // new ids for these rows
  return { id: person.id as UserId, email: person.email, firmId: firmId as FirmId, headers }
}

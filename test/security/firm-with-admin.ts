import type { FirmId } from '../../src/vocabulary.ts'
import { makeFirm, makeMember, type Person } from '../support/people.ts'
import type { TestService } from '../support/start-service.ts'

/** A firm of its own for one test. */
export async function firmWithAdmin({ app }: TestService): Promise<{ firm: FirmId; admin: Person }> {
  const firm = await makeFirm(app)
  return { firm, admin: await makeMember(app, firm) }
}

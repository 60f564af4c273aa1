import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { makeFirm, makeMember, type Person } from '../people/people.ts'
import type { TestService } from './start-service.ts'

/** A new firm for one test. */
export async function firmWithAdmin({ app }: TestService): Promise<{ firm: FirmId; admin: Person }> {
  const firm = await makeFirm(app)
  return { firm, admin: await makeMember(app, firm) }
}

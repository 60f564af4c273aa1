import type { MemberShape } from '../../../src/contract/people.ts'
import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { makeFirm, makeMember, type Person } from '../../support/people/people.ts'
import type { TestService } from '../../support/service/start-service.ts'
import { type Answer, call } from '../call-people.ts'
import { waitUntilWaiting } from '../../support/database/wait-for-lock.ts'

/** The calls about members, at a service that is started later. */
export function membersOfFirms(service: () => TestService) {
  return {
    firmWithAdmin: async () => {
      const firm = await makeFirm(service().app)
      return { firm, admin: await makeMember(service().app, firm) }
    },
    add: (firm: FirmId, by: Person, body: Record<string, unknown>) =>
      call(service().url, `POST ${pathOf(firm)}`, { headers: by.headers, body }),
    change: (firm: FirmId, by: Person, who: { id: string }, body: unknown) =>
      call(service().url, `PATCH ${pathOf(firm)}/${who.id}`, { headers: by.headers, body }),
    remove: (firm: FirmId, by: Person, who: { id: string }) =>
      call(service().url, `DELETE ${pathOf(firm)}/${who.id}`, { headers: by.headers }),
    membersOf: async (firm: FirmId, by: Person): Promise<MemberShape[]> => {
      const answer = await call(service().url, `GET ${pathOf(firm)}`, { headers: by.headers })
      if (answer.status !== 200) throw new Error(`not listed: ${answer.status}`)
      return answer.body as MemberShape[]
    },
    canSee: async (firm: FirmId, person: Person): Promise<boolean> => {
      const { status } = await call(service().url, `GET /security-firms/${firm}`, { headers: person.headers })
      if (status !== 200 && status !== 403) throw new Error(`neither shown nor refused: ${status}`)
      return status === 200
    },
    /** Pauses all requests after their start, before any of them changes something. */
    atTheSameMoment: async (firm: FirmId, acts: (() => Promise<Answer>)[]): Promise<Answer[]> => {
      const { db } = service().app
      const pending = await db.transaction().execute(async (trx) => {
        await trx.selectFrom('security_firms').select('id').where('id', '=', firm).forNoKeyUpdate().execute()
        const answers = acts.map((act) => act())
        await waitUntilWaiting(db, acts.length)
        return { answers }
      })
      return await Promise.all(pending.answers)
    },
  }
}

function pathOf(firm: FirmId): string {
  return `/security-firms/${firm}/members`
}

import { sql } from 'kysely'

import type { WaitingShape } from '../../src/contract/review.ts'
import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import type { Registry, Person } from '../support/people/people.ts'
import { makeFirm, makeMember, makePerson } from '../support/people/people.ts'
import { sceneOfFile, sceneOfTest } from '../support/service/scene-of-file.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { type Answer, call } from '../people/call-people.ts'

/** A service, and for each test a firm with a member, whose documents will be the only ones. */
export function reviewScene(): { service: TestService; firm: FirmId; member: Person } {
  const opened = sceneOfFile(async (closing) => {
    const service = await startService()
    closing.defer(() => service.stop())
    return { service }
  })
  return sceneOfTest(async () => {
    const { service } = opened
    await sql`delete from documents`.execute(service.app.db)
    const firm = await makeFirm(service.app)
    return { service, firm, member: await makeMember(service.app, firm) }
  })
}

/** A new reviewer of the platform. */
export async function makeReviewer(app: Registry): Promise<Person> {
  const person = await makePerson(app)
  await addReviewer(app, person)
  return person
}

export async function addReviewer({ db }: Registry, { id }: Person): Promise<void> {
  await db.insertInto('document_platform_roles').values({ user_id: id, role: 'reviewer', granted_by: id }).execute()
}

export type Waiting = { status: number; body: WaitingShape; etag: string | null }

const toWaiting = ({ status, headers, body }: Answer) => ({ status, body, etag: headers.get('etag') }) as Waiting // the body of a 200

/** `POST /review-queue/claim`. */
export async function claimNext(url: string, { headers }: Person, filter: object = {}): Promise<Waiting> {
  return toWaiting(await call(url, 'POST /review-queue/claim', { headers, body: filter }))
}

export async function claimOne(url: string, { headers }: Person, id: string): Promise<Answer> {
  return await call(url, `POST /review-queue/claims/${id}`, { headers })
}

export async function release(url: string, { headers }: Person, id: string): Promise<Answer> {
  return await call(url, `DELETE /review-queue/claims/${id}`, { headers })
}

/** The first page of the queue. */
export async function queueOf(url: string, { headers }: Person, query = ''): Promise<WaitingShape[]> {
  const { status, body } = await call(url, `GET /review-queue${query}`, { headers })
  if (status !== 200) throw new Error(`no queue: ${status} ${JSON.stringify(body)}`)
  return body as WaitingShape[]
}

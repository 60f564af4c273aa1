import { sql } from 'kysely'
import { expect } from 'vitest'

import type { MessageShape } from '../../src/contract/messages.ts'
import { call } from '../people/call-people.ts'
import type { Person } from '../support/people/people.ts'
import type { TestService } from '../support/service/start-service.ts'

/** The messages that this person sees now. */
export async function messagesOf({ url }: { url: string }, person: Person, query = ''): Promise<MessageShape[]> {
  const answer = await call(url, `GET /messages${query}`, { headers: person.headers })
  expect(answer.status).toBe(200)
  return answer.body as MessageShape[]
}

/** Makes messages and mails as old as if this time had passed. */
export async function passTime({ app }: Pick<TestService, 'app'>, seconds: number): Promise<void> {
  const ago = sql`make_interval(secs => ${seconds})`
  await sql`
    update document_messages set created_at = created_at - ${ago}, visible_at = visible_at - ${ago}`.execute(app.db)
  await sql`update document_mails set queued_at = queued_at - ${ago}, due_at = due_at - ${ago}`.execute(app.db)
}

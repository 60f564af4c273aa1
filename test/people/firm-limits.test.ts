import { sql } from 'kysely'
import { expect, it } from 'vitest'

import { uploadDocument, uploadFile } from '../support/documents/call-documents.ts'
import { makePdf } from '../support/files/make-files.ts'
import { addMember, makeFirm, makePerson } from '../support/people/people.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService } from '../support/service/start-service.ts'
import { call, newFirm, statusesOf } from './call-people.ts'

const draftBytes = 2000

const scene = sceneOfFile(async (closing) => {
  const service = await startService({ FIRMS_PER_PERSON: '3', DRAFT_FIRM_BYTES: String(draftBytes) })
  closing.defer(() => service.stop())
  return { service, db: service.app.db }
})

type Headers = { authorization: string }

const register = (headers: Headers) =>
  call(scene.service.url, 'POST /security-firms/register', { body: newFirm(), headers })

it('a person registers three firms, also if they ask for more at once', async () => {
  const { headers } = await makePerson(scene.service.app)
  const answers = await Promise.all(Array.from({ length: 6 }, () => register(headers)))

  expect(statusesOf(answers)).toEqual([201, 201, 201, 409, 409, 409])
  const denied = answers.find(({ status }) => status === 409)
  expect(denied).toMatchObject({ body: { code: 'too_many_firms', detail: expect.stringMatching(/3 firms/) } })
})

it('leaving a firm makes no room for another, and the denial is recorded', async () => {
  const { id, headers } = await makePerson(scene.service.app)
  const firms = [await register(headers), await register(headers), await register(headers)]
  const [first] = firms.map(({ body }) => (body as { id: string }).id)
  await sql`delete from firm_users where firm_id = ${first} and user_id = ${id}`.execute(scene.db)

  expect((await register(headers)).status).toBe(409)
  const events = await scene.db
    .selectFrom('document_events')
    .select('outcome')
    .where('actor_id', '=', id)
    .where('action', '=', 'firm.registered')
    .execute()
  expect(events.map(({ outcome }) => outcome)).toEqual(['ok', 'ok', 'ok', 'too_many_firms'])
})

it('memberships in firms of others do not count, and administrators have no limit', async () => {
  const person = await makePerson(scene.service.app)
  for (let count = 0; count < 3; count += 1)
    await addMember(scene.service.app, await makeFirm(scene.service.app), person)
  expect((await register(person.headers)).status).toBe(201)

  const { headers } = await makePerson(scene.service.app, { role: 'admin' })
  for (let count = 0; count < 4; count += 1) expect((await register(headers)).status).toBe(201)
})

it('a firm has the draft quota until it is approved, then its full one at once', async () => {
  const { app, url } = scene.service
  const person = await makePerson(app)
  const { body } = await register(person.headers)
  const { id, quota } = body as { id: Parameters<typeof uploadFile>[1]; quota: { bytes: number } }
  expect(quota.bytes).toBe(draftBytes)
  const large = { bytes: makePdf({ bytes: draftBytes + 1 }) }

  const denied = await uploadFile(url, id, person, large)
  expect(denied.status).toBe(429)
  const problem = (await denied.json()) as { code: string; detail: string }
  expect(problem).toMatchObject({ code: 'quota_exceeded', detail: expect.stringMatching(/have the platform approve/) })

  await sql`update security_firms set verification_status = 'approved' where id = ${id}`.execute(app.db)
  await uploadDocument(url, id, person, large)
  const seen = await call(url, `GET /security-firms/${id}`, { headers: person.headers })
  expect(seen.body).toMatchObject({ quota: { bytes: 20 * 1024 ** 3 } })
})

it('a quota that an administrator set holds for a draft too', async () => {
  const { app, url } = scene.service
  const person = await makePerson(app)
  const { id } = (await register(person.headers)).body as { id: Parameters<typeof uploadFile>[1] }
  const { headers } = await makePerson(app, { role: 'admin' })
  const change = { body: { quota: { bytes: 10 * draftBytes } }, headers }
  expect((await call(url, `PATCH /security-firms/${id}`, change)).status).toBe(200)

  await uploadDocument(url, id, person, { bytes: makePdf({ bytes: draftBytes + 1 }) })
})

import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { PgBoss } from 'pg-boss'
import { afterAll, beforeAll, expect, it } from 'vitest'

import type { DocumentShape } from '../../src/contract/documents.ts'
import { callDocuments, uploadDocument, uploadFile } from '../support/documents/call-documents.ts'
import { makePdf } from '../support/files/make-files.ts'
import { platformPassword } from '../support/platform/write-people.ts'
import { testServices } from '../support/services/packages/test-services.ts'
import { type Answer, call } from '../people/call-people.ts'
import { type Beside, openBeside } from '../with-platform/open-instances.ts'
import { type Member, writeMember } from '../with-platform/write-member.ts'
import { jobQueue, jobSchema } from '../../src/database/work/job-queue.ts'

let beside: Beside
let first: string
let second: string
beforeAll(async () => {
  beside = await openBeside({ addresses: testServices(), settings: { LOG_LEVEL: 'debug' } })
  const [one, other] = beside.instances.map((each) => each.url())
  first = one ?? ''
  second = other ?? ''
})
afterAll(() => beside.close())

async function idsAt(url: string, member: Member): Promise<string[]> {
  const answer = await callDocuments(url, member.firmId, member)
  return ((await answer.json()) as DocumentShape[]).map(({ id }) => id)
}

function logIn(url: string, { email }: Member, password = platformPassword): Promise<Answer> {
  return call(url, 'POST /auth/login', { body: { email, password } })
}

function refresh(url: string, token: string): Promise<Answer> {
  return call(url, 'POST /auth/refresh', { body: { refresh_token: token } })
}

function refreshTokenIn({ status, body }: Answer): string {
  if (status !== 200) throw new Error(`no tokens: ${status}`)
  return (body as { refresh_token: string }).refresh_token
}

it('each instance serves the documents, lists and links of the other', async () => {
  const member = await writeMember(beside)
  const bytes = makePdf({ bytes: 30_000, seed: 'two' })
  const { id } = await uploadDocument(first, member.firmId, member, { bytes })
  const link = await callDocuments(second, member.firmId, member, `/${id}/download`)
  const file = await fetch(link.headers.get('location') ?? '')

  expect(await idsAt(second, member)).toEqual([id])
  expect(link.status).toBe(302)
  expect(Buffer.from(await file.arrayBuffer()).equals(bytes)).toBe(true)
})

it('a list continues at the other instance', async () => {
  const member = await writeMember(beside)
  const uploaded: string[] = []
  for (const url of [first, second, first, second, first])
    uploaded.push((await uploadDocument(url, member.firmId, member)).id)

  const seen: string[] = []
  let next: string | undefined = `/api/v1/security-firms/${member.firmId}/documents?limit=1`
  for (let page = 0; next !== undefined; page += 1) {
    const answer: Response = await fetch(`${page % 2 === 0 ? first : second}${next}`, { headers: member.headers })
    expect(answer.status).toBe(200)
    seen.push(...((await answer.json()) as DocumentShape[]).map(({ id }) => id))
    next = /<([^>]+)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1]
  }
  expect(seen).toEqual(uploaded.toReversed())
})

it('one key gives one document at any instance, also at both at once; another file under it is a conflict', async () => {
  const member = await writeMember(beside)
  const headers = { 'idempotency-key': randomUUID() }
  const send = (url: string, bytes = makePdf()) => uploadDocument(url, member.firmId, member, { headers, bytes })
  const atOnce = await Promise.all([first, second, first, second].map((url) => send(url)))
  const later = await send(second)
  const other = await uploadFile(second, member.firmId, member, { headers, bytes: makePdf({ seed: 'another' }) })

  const ids = new Set([...atOnce, later].map(({ id }) => id))
  expect(await idsAt(first, member)).toEqual([...ids])
  expect(other.status).toBe(409)
})

it('a refresh token works once over both: the same successor within a minute, and later it ends the session', async () => {
  const member = await writeMember(beside)
  const token = refreshTokenIn(await logIn(first, member))
  const [one, other] = (await Promise.all([refresh(first, token), refresh(second, token)])).map(refreshTokenIn)
  // Compared as a boolean, so that a failure prints no token.
  expect(one !== undefined && one === other && one !== token).toBe(true)

  // As if the minute had passed.
  await beside.platform.query(
    `update document_refresh_tokens set used_at = used_at - interval '61 s' where session_id in
       (select id from document_sessions where user_id = $1)`,
    [member.id],
  )
  expect((await refresh(second, token)).status).toBe(401)
  expect((await refresh(first, one ?? '')).status).toBe(401)
})

it('wrong passwords at both instances are counted together', async () => {
  const member = await writeMember(beside)
  for (let count = 0; count < 5; count += 1)
    for (const url of [first, second]) expect((await logIn(url, member, 'a wrong password')).status).toBe(401)

  expect([(await logIn(first, member)).status, (await logIn(second, member)).status]).toEqual([429, 429])
})

it('a logout at one instance is valid at the other', async () => {
  const member = await writeMember(beside)
  const token = refreshTokenIn(await logIn(first, member))
  await call(first, 'POST /auth/logout', { body: { refresh_token: token } })

  expect((await refresh(second, token)).status).toBe(401)
})

it('a job runs once, on one of them', async () => {
  // As the owner of the tables. The role that enqueues a job does not matter.
  const queue = new PgBoss({
    connectionString: beside.ownerUrl,
    schema: jobSchema,
    migrate: false,
    supervise: false,
    schedule: false,
  })
  await queue.start()
  const asked: string[] = []
  const stateOf = async (id: string) => (await queue.findJobs(jobQueue, { id }))[0]?.state
  try {
    for (let count = 0; count < 2; count += 1) {
      // Not enqueued while the same job waits or runs, such as a scheduled one.
      let id: string | null = null
      await expect
        .poll(
          async () => (id ??= await queue.send(jobQueue, { job: 'housekeeping' }, { singletonKey: 'housekeeping' })),
        )
        .not.toBeNull()
      asked.push(id ?? 'nothing')
      await expect.poll(() => stateOf(id ?? '')).toBe('completed')
    }
  } finally {
    await queue.stop()
  }

  const started = (await Promise.all(beside.instances.map(({ folder }) => jobsStartedIn(folder)))).flat()
  const times = asked.map((id) => started.filter((each) => each === id).length)
  expect(times).toEqual([1, 1])
  // Both enqueued jobs at their start, which became one job.
  expect(new Set(started).size).toBe(started.length)
})

async function jobsStartedIn(folder: string): Promise<string[]> {
  // The last one may be incomplete.
  const lines = (await readFile(join(folder, 'log'), 'utf8')).split('\n').slice(0, -1)
  const events = lines.map((line) => JSON.parse(line) as { event?: string; job_id?: string })
  return events.flatMap(({ event, job_id: id }) => (event === 'job_started' && id !== undefined ? [id] : []))
}

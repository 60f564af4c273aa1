import { readFile, writeFile } from 'node:fs/promises'

import { expect, it } from 'vitest'

import { createRecentUses } from '../../src/documents/download/follow-link.ts'
import type { DocumentId, UserId } from '../../src/vocabulary/vocabulary.ts'
import { readMetrics } from '../metrics/read-metrics.ts'
import { callDocuments, problemOf, uploadFile } from '../support/documents/call-documents.ts'
import { countStatements } from '../support/database/count-statements.ts'
import { call as callPeople, newRegistration } from '../people/call-people.ts'
import { addMember, makeMember, type Person } from '../support/people/people.ts'
import { makePdf } from '../support/files/make-files.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService } from '../support/service/start-service.ts'

const scene = sceneOfFile(async (closing) => {
  // Leases of calls would add statements.
  const service = await startService({ DOWNLOADS_PER_PERSON: 'off', DOWNLOADS_PER_ADDRESS: 'off' })
  closing.defer(() => service.stop())
  return { service }
})

const megabyte = 1024 * 1024

/** A document, a member with a link to it, and what the trail has of it. */
async function linked({ bytes = makePdf() } = {}) {
  const { url, app, folder } = scene.service
  const { firm, admin } = await firmWithAdmin(scene.service)
  const { id } = (await (await uploadFile(url, firm, admin, { bytes })).json()) as { id: DocumentId }
  const member = await makeMember(app, firm, 'firm_user')
  const linkOf = async (who: Person) => {
    const headers = { accept: 'application/json' }
    const answer = await callDocuments(url, firm, who, `/${id}/download`, { headers })
    const { url: link } = (await answer.json()) as { url: string }
    return link
  }
  const link = await linkOf(member)
  const versions = app.db.selectFrom('document_versions').selectAll().where('document_id', '=', id)
  const { storage_key: key } = await versions.executeTakeFirstOrThrow()
  return {
    firm,
    admin,
    member,
    id,
    link,
    path: `${folder}/uploads/${key}`,
    follow: (headers: Record<string, string> = {}, method = 'GET') => fetch(`${url}${link}`, { method, headers }),
    call: (path: string, options = {}) => callDocuments(url, firm, admin, `/${id}${path}`, options),
    stateOf: async () => (await versions.executeTakeFirstOrThrow()).bytes_state,
    usesOf: async () =>
      app.db
        .selectFrom('document_trail')
        .select(['outcome', 'actor_id'])
        .where('document_id', '=', id)
        .where('action', '=', 'document.link_used')
        .execute(),
  }
}

const bodyOf = ({ body }: { body: unknown }) => body as Record<string, unknown>

const outcomeOf = async (answer: Response) => {
  const refused = answer.status >= 400
  return [answer.status, refused ? (await problemOf(answer)).code : (await answer.arrayBuffer()).byteLength > 0]
}

it('a link to a document in the trash is 410, and works again after its restore', async () => {
  const { call, follow } = await linked()
  await call('', { method: 'DELETE' })

  const deleted = await outcomeOf(await follow())
  await call('/restore', { method: 'POST' })

  expect(deleted).toEqual([410, 'gone'])
  expect(await outcomeOf(await follow())).toEqual([200, true])
})

const endings: [string, (of: { firm: string; member: Person }) => Promise<unknown>, string][] = [
  [
    'was removed from the firm',
    ({ member }) => scene.service.app.db.deleteFrom('firm_users').where('user_id', '=', member.id).execute(),
    'not_a_member',
  ],
  [
    'was suspended in the firm',
    ({ member }) =>
      scene.service.app.db
        .updateTable('firm_users')
        .set({ status: 'suspended' })
        .where('user_id', '=', member.id)
        .execute(),
    'not_a_member',
  ],
  [
    'was locked',
    ({ member }) =>
      scene.service.app.db
        .updateTable('registered_users')
        .set({ is_locked: true })
        .where('id', '=', member.id)
        .execute(),
    'forbidden',
  ],
]

it.each(endings)('a link of a person who %s is 403', async (_what, end, code) => {
  const { firm, member, follow, usesOf } = await linked()
  expect(await outcomeOf(await follow())).toEqual([200, true])
  await end({ firm, member })

  expect(await outcomeOf(await follow())).toEqual([403, code])
  expect(await usesOf()).toEqual(
    expect.arrayContaining([
      { outcome: 'ok', actor_id: member.id },
      { outcome: code, actor_id: member.id },
    ]),
  )
})

it('a link lives on in a locked firm, whose members may read', async () => {
  const { firm, follow } = await linked()
  await scene.service.app.db
    .updateTable('security_firms')
    .set({ is_locked: true })
    .where('id', '=', firm as never)
    .execute()

  expect(await outcomeOf(await follow())).toEqual([200, true])
})

it('a link ends with the session in which it was made', async () => {
  const { url, app } = scene.service
  const { firm, id } = await linked()
  const tokens = bodyOf(await callPeople(url, 'POST /auth/register', { body: newRegistration() }))
  const authorization = `Bearer ${String(tokens['access_token'])}`
  const me = bodyOf(await callPeople(url, 'GET /auth/me', { headers: { authorization } }))
  const person = { id: me['id'] as UserId, email: '', headers: { authorization } }
  await addMember(app, firm, person)
  const headers = { accept: 'application/json', authorization }
  const answer = await fetch(`${url}/api/v1/security-firms/${firm}/documents/${id}/download`, { headers })
  const { url: link } = (await answer.json()) as { url: string }
  const before = await outcomeOf(await fetch(`${url}${link}`))
  await app.db.updateTable('document_sessions').set({ ended_at: new Date() }).where('user_id', '=', person.id).execute()

  expect(before).toEqual([200, true])
  expect(await outcomeOf(await fetch(`${url}${link}`))).toEqual([403, 'forbidden'])
})

it('a use of a link is checked and recorded in one statement', async () => {
  const { follow, member, usesOf } = await linked()
  await outcomeOf(await follow())

  expect(await countStatements(scene.service.app, async () => outcomeOf(await follow()))).toBe(1)
  expect(await usesOf()).toEqual([
    { outcome: 'ok', actor_id: member.id },
    { outcome: 'ok', actor_id: member.id },
  ])
})

it('later ranges of one use leave no event, anything from the first byte each time one more', async () => {
  const { follow, usesOf } = await linked()
  for (const range of ['bytes=0-9', 'bytes=10-19', 'bytes=20-'])
    expect((await outcomeOf(await follow({ range })))[0]).toBe(206)
  expect((await follow({}, 'HEAD')).status).toBe(200)
  expect(await usesOf()).toHaveLength(1)

  await outcomeOf(await follow())
  for (const range of ['bytes=0-', 'bytes=00-', 'bytes=-1000000', 'nonsense']) await outcomeOf(await follow({ range }))
  await outcomeOf(await follow({ range: 'bytes=10-19', 'if-range': '"another"' }))

  expect(await usesOf()).toHaveLength(7)
})

it('a request for the headers leaves an event, and is no use that a later range continues', async () => {
  const { follow, usesOf } = await linked()
  expect((await follow({}, 'HEAD')).status).toBe(200)
  await outcomeOf(await follow({ range: 'bytes=1-' }))
  expect(await usesOf()).toHaveLength(2)
})

it('a use is remembered for minutes', () => {
  let now = 0
  const uses = createRecentUses(() => new Date(now))
  uses.add('a use')
  now = 4 * 60_000
  expect(uses.has('a use')).toBe(true)
  now = 6 * 60_000
  expect(uses.has('a use')).toBe(false)
})

async function changeByte(path: string, at: number): Promise<void> {
  const bytes = await readFile(path)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  await writeFile(path, bytes)
}

/** Bytes received, and whether the file arrived whole. */
async function receive(answer: Promise<Response>): Promise<{ received: number; isWhole: boolean }> {
  let received = 0
  try {
    const { body } = await answer
    for await (const chunk of body ?? []) received += (chunk as Uint8Array).length
    return { received, isWhole: true }
  } catch {
    return { received, isWhole: false }
  }
}

const wrongCount = async () =>
  (await readMetrics(scene.service.url)).valueOf('paniq_documents_damaged_versions_total', 'state="wrong"') ?? 0

it.each([
  ['a small file', 50_000],
  ['a file of many chunks', 5 * megabyte],
])('%s with a changed byte is cut off before its end, and marked corrupt', async (_what, size) => {
  const { call, follow, path, stateOf } = await linked({ bytes: makePdf({ bytes: size }) })
  const before = await wrongCount()
  await changeByte(path, 30_000)

  const { received, isWhole } = await receive(call('/download'))

  expect(isWhole).toBe(false)
  expect(received).toBeLessThan(size)
  await expect.poll(stateOf).toBe('wrong')
  expect(await outcomeOf(await call('/download'))).toEqual([410, 'gone'])
  expect(await outcomeOf(await follow())).toEqual([410, 'gone'])
  expect(await wrongCount()).toBe(before + 1)
  const events = (await (await call('/events')).json()) as { action: string }[]
  expect(events.filter(({ action }) => action === 'document.bytes_wrong')).toHaveLength(1)
})

it('a changed byte is found through a link too, and not by a range', async () => {
  const { follow, path, stateOf } = await linked({ bytes: makePdf({ bytes: megabyte }) })
  await changeByte(path, 30_000)

  expect(await outcomeOf(await follow({ range: 'bytes=0-9' }))).toEqual([206, true])
  expect(await stateOf()).toBe('present')
  expect((await receive(follow())).isWhole).toBe(false)
  await expect.poll(stateOf).toBe('wrong')
})

it('a changed byte is found by a range of the whole file', async () => {
  const { follow, path, stateOf } = await linked({ bytes: makePdf({ bytes: megabyte }) })
  await changeByte(path, 30_000)

  expect((await receive(follow({ range: 'bytes=0-' }))).isWhole).toBe(false)
  await expect.poll(stateOf).toBe('wrong')
})

it('a client that leaves midway does not mark a file corrupt', async () => {
  const { call, stateOf } = await linked({ bytes: makePdf({ bytes: 8 * megabyte }) })
  const answer = await call('/download')
  await answer.body?.cancel()

  expect((await receive(call('/download'))).isWhole).toBe(true)
  expect(await stateOf()).toBe('present')
})

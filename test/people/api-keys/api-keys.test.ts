import { describe, expect, it } from 'vitest'

import { makePdf } from '../../support/files/make-files.ts'
import { makeFirm, makeMember, makePerson, type Person } from '../../support/people/people.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import { call, later, openWithClock } from '../call-people.ts'

const scene = sceneOfFile(openWithClock)

type Made = { id: string; key: string; prefix: string }

const tokenOf = ({ headers }: Person) => headers.authorization.replace('Bearer ', '')

async function make(person: Person, body: Record<string, unknown>) {
  const request = { token: tokenOf(person), body: { name: 'Payroll upload', scopes: ['documents:read'], ...body } }
  return await call(scene.service.url, 'POST /api-keys', request)
}

async function made(person: Person, body: Record<string, unknown>): Promise<Made> {
  const answer = await make(person, body)
  expect(answer.status).toBe(201)
  return answer.body as Made
}

async function firmWithAdmin() {
  const firmId = await makeFirm(scene.service.app)
  return { firmId, admin: await makeMember(scene.service.app, firmId) }
}

const listDocuments = async (firmId: string, key: string, url = scene.service.url) =>
  (await call(url, `GET /security-firms/${firmId}/documents`, { token: key })).status

const inDays = (days: number) => later(new Date(), days * 24 * 60 * 60).toISOString()

describe('a new API key', () => {
  it('is in the answer once, and nowhere in the database or in a list', async () => {
    const { firmId, admin } = await firmWithAdmin()
    const { id, key, prefix } = await made(admin, { firm_id: firmId })
    expect(key).toMatch(/^pqd_[0-9A-Za-z]{40}$/)
    expect(key.startsWith(prefix)).toBe(true)
    const row = await scene.service.app.db
      .selectFrom('document_api_keys')
      .selectAll()
      .where('id', '=', id as never)
      .execute()
    expect(JSON.stringify(row)).not.toContain(key.slice(prefix.length))
    const list = await call(scene.service.url, 'GET /api-keys', { token: tokenOf(admin) })
    expect(list.body).toMatchObject([{ id, prefix, name: 'Payroll upload', firm_id: firmId, created_by: admin.id }])
    expect(JSON.stringify(list.body)).not.toContain(key)
    expect(scene.service.logLines.join('\n')).not.toContain(key.slice(prefix.length))
  })

  it('lives at most 365 days, and 90 by default', async () => {
    const { firmId, admin } = await firmWithAdmin()
    expect((await make(admin, { firm_id: firmId, expires_at: inDays(366) })).status).toBe(422)
    expect((await make(admin, { firm_id: firmId, expires_at: inDays(-1) })).status).toBe(422)
    const { key } = await made(admin, { firm_id: firmId })
    scene.clock.now = later(new Date(), 89 * 24 * 60 * 60)
    expect(await listDocuments(firmId, key, scene.url)).toBe(200)
    scene.clock.now = later(new Date(), 91 * 24 * 60 * 60)
    expect(await listDocuments(firmId, key, scene.url)).toBe(401)
  })

  it('is one of at most 20 of a person', async () => {
    const { firmId, admin } = await firmWithAdmin()
    const answers = await Promise.all(Array.from({ length: 22 }, () => make(admin, { firm_id: firmId })))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(20)
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(2)
  })

  it('for every firm, for reviews or for operations is made by administrators only', async () => {
    const { firmId, admin } = await firmWithAdmin()
    const denied = { status: 403, body: { detail: expect.stringContaining('give its firm_id') as string } }
    expect(await make(admin, {})).toMatchObject(denied)
    expect((await make(admin, { firm_id: firmId, scopes: ['review'] })).status).toBe(422)
    expect((await make(admin, { firm_id: firmId, scopes: ['operations:read'] })).status).toBe(422)
    const administrator = await makePerson(scene.service.app, { role: 'admin' })
    const { key } = await made(administrator, { scopes: ['documents:read', 'operations:read'] })
    expect(await listDocuments(firmId, key)).toBe(200)
  })

  it('cannot be made with an API key', async () => {
    const { firmId, admin } = await firmWithAdmin()
    const { key } = await made(admin, { firm_id: firmId, scopes: ['documents:read', 'documents:write'] })
    const body = { name: 'another', scopes: ['documents:read'], firm_id: firmId }
    expect((await call(scene.service.url, 'POST /api-keys', { token: key, body })).status).toBe(403)
    expect((await call(scene.service.url, 'GET /api-keys', { token: key })).status).toBe(403)
  })
})

describe('an API key', () => {
  it('uploads for its firm, and the event names the key', async () => {
    const { firmId, admin } = await firmWithAdmin()
    const { id, key } = await made(admin, { firm_id: firmId, scopes: ['documents:write'] })
    const form = new FormData()
    form.append('file', new Blob([Uint8Array.from(makePdf())], { type: 'application/pdf' }), 'licence.pdf')
    const upload = await fetch(
      `${scene.service.url}/api/v1/security-firms/${firmId}/documents?document_type=psira_certificate`,
      {
        method: 'POST',
        headers: { authorization: `Bearer ${key}` },
        body: form,
      },
    )
    expect(upload.status).toBe(201)
    expect(await upload.json()).toMatchObject({ uploaded_by: admin.id })
    expect(await listDocuments(firmId, key)).toBe(403)

    const events = await scene.service.app.db
      .selectFrom('document_events')
      .select(['action', 'outcome', 'details'])
      .where('firm_id', '=', firmId)
      .where('actor_id', '=', admin.id)
      .execute()
    const named = events.filter(({ details }) => (details as { api_key_id?: string }).api_key_id === id)
    expect(named.map(({ action, outcome }) => `${action} ${outcome}`).toSorted()).toEqual([
      'api_key.created ok',
      'document.uploaded ok',
      'documents.listed forbidden',
    ])
  })

  it('is denied at the next request after it was deleted, by its maker or another firm_admin', async () => {
    const { firmId, admin } = await firmWithAdmin()
    const colleague = await makeMember(scene.service.app, firmId)
    const { id, key } = await made(admin, { firm_id: firmId })
    expect(await listDocuments(firmId, key)).toBe(200)
    const stranger = await makeMember(scene.service.app, await makeFirm(scene.service.app))
    const deleted = async (person: Person) =>
      (await call(scene.service.url, `DELETE /api-keys/${id}`, { token: tokenOf(person) })).status
    expect(await deleted(stranger)).toBe(404)
    expect(await listDocuments(firmId, key)).toBe(200)
    expect(await deleted(colleague)).toBe(204)
    expect(await listDocuments(firmId, key)).toBe(401)
  })

  it('ends no session with a logout everywhere', async () => {
    const { firmId, admin } = await firmWithAdmin()
    const { key } = await made(admin, { firm_id: firmId })
    expect((await call(scene.service.url, 'POST /auth/logout?all=true', { token: key })).status).toBe(403)
  })
})

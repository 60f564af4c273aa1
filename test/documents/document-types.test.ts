import { randomBytes, randomUUID } from 'node:crypto'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { DocumentTypeShape } from '../../src/contract/document-types.ts'
import { uploadFile } from '../support/documents/call-documents.ts'
import { makeFirm, makeMember, makePerson, type Person } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { call } from '../people/call-people.ts'

let service: TestService
let administrator: Person
let person: Person
beforeAll(async () => {
  service = await startService({ MAX_UPLOAD_BYTES: '1000000' })
  administrator = await makePerson(service.app, { role: 'admin' })
  person = await makePerson(service.app)
})
afterAll(async () => service.stop())

function newCode(): string {
  return `paper_${randomBytes(6).toString('hex')}`
}

const reason = { code: 'no_stamp', text: 'The stamp is missing.', is_final: false }

function add(body: Record<string, unknown>, by = administrator) {
  return call(service.url, 'POST /document-types', {
    headers: by.headers,
    body: { code: newCode(), name: 'Document', ...body },
  })
}

function change(type: string, body: unknown, by = administrator) {
  return call(service.url, `PATCH /document-types/${type}`, { headers: by.headers, body })
}

async function list(): Promise<DocumentTypeShape[]> {
  const answer = await call(service.url, 'GET /document-types', { headers: person.headers })
  expect(answer.status).toBe(200)
  return answer.body as DocumentTypeShape[]
}

it('everybody who is logged in sees the twelve types of the platform, with the required ones marked', async () => {
  const types = await list()
  const seeded = types.filter(({ code }) => !code.startsWith('paper_'))
  expect(seeded).toHaveLength(12)
  expect(seeded.filter((type) => type.is_required).map(({ code }) => code)).toEqual([
    'identity_document',
    'insurance_certificate',
    'proof_of_address',
    'proof_of_residence',
    'registration_certificate',
    'security_license',
  ])
  expect(seeded[0]).toMatchObject({ is_active: true, max_bytes: null, allowed_types: null, confidential: false })
})

describe('an administrator adds a type', () => {
  it('shown by its code and its id', async () => {
    const code = newCode()
    const options = {
      code,
      name: 'Fire safety',
      description: 'Yearly',
      is_required: true,
      is_active: false,
      max_bytes: 1_000_000,
      allowed_types: ['application/pdf'],
      confidential: true,
      proof: 'The certificate of the fire department.\nOf this year.',
      validity_months: 12,
      validity_stated: true,
      reject_reasons: [{ code: 'no_stamp', text: 'The stamp is missing.', is_final: false }],
    }
    const answer = await add(options)
    expect(answer).toMatchObject({ status: 201, body: options })
    const { id } = answer.body as DocumentTypeShape
    expect(answer.headers.get('location')).toBe(`/api/v1/document-types/${id}`)
    for (const name of [id, code])
      expect((await call(service.url, `GET /document-types/${name}`, { headers: person.headers })).body).toEqual(
        answer.body,
      )
    expect(await list()).toContainEqual(answer.body)
  })

  it('active, not required and not confidential by default', async () => {
    expect(await add({})).toMatchObject({
      status: 201,
      body: {
        is_required: false,
        is_active: true,
        confidential: false,
        description: null,
        max_bytes: null,
        allowed_types: null,
        proof: null,
        validity_months: null,
        validity_stated: false,
      },
    })
  })

  it('with the seven common reasons of a rejection by default', async () => {
    const { body } = await add({})
    const reasons = (body as DocumentTypeShape).reject_reasons
    expect(reasons.map(({ code }) => code)).toEqual([
      'wrong_document',
      'unreadable',
      'incomplete',
      'outdated',
      'name_mismatch',
      'altered',
      'other',
    ])
    expect(reasons.filter((each) => each.is_final).map(({ code }) => code)).toEqual(['altered'])
  })

  it('but not under a code that exists', async () => {
    expect(await add({ code: 'tax_clearance' })).toMatchObject({ status: 409, body: { code: 'conflict' } })
  })

  it.each<[string, Record<string, unknown>]>([
    ['code', { code: 'Tax' }],
    ['code', { code: '../x' }],
    ['code', { code: 'a' }],
    ['code', { code: '1st_paper' }],
    ['code', { code: 'a'.repeat(51) }],
    ['name', { name: '' }],
    ['name', { name: 'a\nb' }],
    ['max_bytes', { max_bytes: 1_000_001 }],
    ['max_bytes', { max_bytes: 0 }],
    ['allowed_types', { allowed_types: [] }],
    ['allowed_types', { allowed_types: ['text/html'] }],
    ['allowed_types', { allowed_types: ['image/png', 'image/png'] }],
    ['confidential', { confidential: 'no' }],
    ['validity_months', { validity_months: 0 }],
    ['proof', { proof: '' }],
    ['reject_reasons', { reject_reasons: [] }],
    ['reject_reasons', { reject_reasons: [reason, reason] }],
    ['reject_reasons', { reject_reasons: [{ ...reason, code: 'No Stamp' }] }],
    ['created_by', { created_by: randomUUID() }],
    ['id', { id: randomUUID() }],
  ])('but none with an invalid or forbidden %s: %j', async (field, wish) => {
    const before = await list()
    const answer = await add(wish)
    expect(answer).toMatchObject({ status: 422, body: { code: 'validation_failed' } })
    expect(JSON.stringify(answer.body)).toContain(field)
    expect(await list()).toEqual(before)
  })
})

describe('an administrator changes a type', () => {
  it('by code or id, only the named fields', async () => {
    const before = (await add({ description: 'Yearly', is_required: true })).body as DocumentTypeShape
    const renamed = await change(before.code, { name: 'Other document' })
    expect(renamed).toMatchObject({ status: 200 })
    expect(renamed.body).toEqual({ ...before, name: 'Other document', updated_at: expect.any(String) })
    const cleared = await change(before.id, { description: null, max_bytes: 5 })
    expect(cleared.body).toMatchObject({ name: 'Other document', description: null, max_bytes: 5, is_required: true })
  })

  it('and the next upload follows the change', async () => {
    const { code } = (await add({ allowed_types: ['image/png'] })).body as DocumentTypeShape
    const firm = await makeFirm(service.app)
    const member = await makeMember(service.app, firm)
    expect((await uploadFile(service.url, firm, member, { type: code })).status).toBe(415)
    await change(code, { allowed_types: null })
    expect((await uploadFile(service.url, firm, member, { type: code })).status).toBe(201)
    await change(code, { is_active: false })
    expect((await uploadFile(service.url, firm, member, { type: code })).status).toBe(422)
  })

  it.each<[unknown]>([
    [{}],
    [{ code: 'other_code' }],
    [{ max_bytes: 1_000_001 }],
    [{ is_active: null }],
    [{ name: 'x', id: randomUUID() }],
  ])('but not with %j', async (body) => {
    const before = (await add({})).body as DocumentTypeShape
    expect(await change(before.code, body)).toMatchObject({ status: 422, body: { code: 'validation_failed' } })
    expect(await list()).toContainEqual(before)
  })

  it.each(['no_such_type', randomUUID(), '%2e%2e%2fx'])('but not one that does not exist: %s', async (name) => {
    expect(await change(name, { name: 'x' })).toMatchObject({ status: 404, body: { code: 'not_found' } })
    expect((await call(service.url, `GET /document-types/${name}`, { headers: person.headers })).status).toBe(404)
  })
})

it('nobody else adds or changes a type, and each attempt and each change is audited', async () => {
  const firm = await makeFirm(service.app)
  const admin = await makeMember(service.app, firm, 'firm_admin')
  expect(await add({}, admin)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
  expect(await change('tax_clearance', { name: 'x' }, admin)).toMatchObject({
    status: 403,
    body: { code: 'forbidden' },
  })
  const { code } = (await add({})).body as DocumentTypeShape
  await change(code, { confidential: true })

  const events = await service.app.db
    .selectFrom('document_events')
    .select(['action', 'outcome', 'details'])
    .where((eb) => eb.or([eb('actor_id', '=', admin.id), eb(eb.ref('details', '->>').key('code'), '=', code)]))
    .orderBy('occurred_at')
    .execute()
  expect(events).toEqual([
    { action: 'document_type.added', outcome: 'forbidden', details: {} },
    { action: 'document_type.changed', outcome: 'forbidden', details: {} },
    { action: 'document_type.added', outcome: 'ok', details: { code } },
    { action: 'document_type.changed', outcome: 'ok', details: { code, change: { confidential: true } } },
  ])
})

import { afterAll, beforeAll, expect, it } from 'vitest'

import { uploadDocument } from '../support/documents/call-documents.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import type { Person } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'

let service: TestService
let admin: Person
let documents: string
let document: string
beforeAll(async () => {
  service = await startService()
  const made = await firmWithAdmin(service)
  admin = made.admin
  documents = `/security-firms/${made.firm}/documents`
  document = (await uploadDocument(service.url, made.firm, admin)).id
})
afterAll(async () => service.stop())

async function detailOf(path: string, init: RequestInit = {}) {
  const headers = { ...admin.headers, ...(init.headers as Record<string, string>) }
  const answer = await fetch(`${service.url}/api/v1${path}`, { ...init, headers })
  const { detail, errors } = (await answer.json()) as { detail: string; errors: { field: string; message: string }[] }
  return { detail, errors: Object.fromEntries(errors.map(({ field, message }) => [field, message])) }
}

function json(body: string): RequestInit {
  return { method: 'POST', body, headers: { 'content-type': 'application/json' } }
}

function manyFields(count: number): string {
  return JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_field, index) => [`field${index}`, index])))
}

it('each wrong field is named once, with a sentence for people', async () => {
  const { detail, errors } = await detailOf(
    '/auth/register',
    json('{"email":7,"password":[],"first_name":"","last_name":null,"nickname":"T"}'),
  )
  expect(errors).toEqual({
    email: 'must be a text',
    password: 'must be a text',
    first_name: 'must not be empty',
    last_name: 'must be a text',
    nickname: 'is unknown',
  })
  expect(detail).toContain('nickname: is unknown')
})

it('missing fields are named as missing', async () => {
  const { errors } = await detailOf('/auth/login', json('{}'))
  expect(errors).toEqual({ email: 'is missing', password: 'is missing' })
  expect((await detailOf('/auth/login', { method: 'POST' })).errors).toEqual({
    email: 'is missing',
    password: 'is missing',
  })
  expect((await detailOf('/auth/login', json('[]'))).errors).toEqual({ body: 'must be an object with fields' })
})

it('a wrong query parameter is named with the allowed values', async () => {
  expect((await detailOf(`${documents}?limit=many`)).errors).toEqual({ limit: 'must be a number' })
  expect((await detailOf(`${documents}?limit=1.5`)).errors).toEqual({ limit: 'must be a whole number' })
  expect((await detailOf(`${documents}?limit=0`)).errors).toEqual({ limit: 'must be at least 1' })
  expect((await detailOf(`${documents}?limit=201`)).errors).toEqual({ limit: 'must be at most 200' })
  expect((await detailOf(`${documents}/${document}/download?disposition=evil`)).errors).toEqual({
    disposition: 'must be attachment or inline',
  })
})

it('of a thousand unknown fields only some are named, and long names are shortened', async () => {
  const { errors } = await detailOf('/auth/register', json(manyFields(1000)))
  expect(Object.keys(errors)).toHaveLength(50)
  const long = JSON.stringify({ ['x'.repeat(5000)]: 1 })
  const names = Object.keys((await detailOf('/auth/register', json(long))).errors)
  expect(names.filter((name) => name.startsWith('x'))).toEqual(['x'.repeat(100)])
})

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { Validator } from '@seriousme/openapi-schema-validator'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { buildApi } from '../../../src/bin/api.ts'
import type { FirmId } from '../../../src/vocabulary.ts'
import { callDocuments, type ProblemBody, uploadDocument, uploadFile } from '../../support/call-documents.ts'
import { makeFirm, makeMember, makePerson, type Person } from '../../support/people.ts'
import { startService, type TestService } from '../../support/start-service.ts'

type Content = Record<string, { schema?: Schema; examples?: Record<string, { value: ProblemBody }> }>
type Schema = {
  $ref?: string
  example?: unknown
  type?: unknown
  properties?: Record<string, Schema>
  required?: string[]
}
type Operation = {
  summary?: string
  tags?: string[]
  security: object[]
  requestBody?: { content: Content }
  responses: Record<string, { description: string; content?: Content }>
}
type Document = {
  openapi: string
  servers: { url: string }[]
  tags: { name: string }[]
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema>; securitySchemes: object }
}

let service: TestService
let server: FastifyInstance
let document: Document
let firm: FirmId
let admin: Person

beforeAll(async () => {
  service = await startService({ PUBLIC_URL: 'https://papers.bluecrane.example' })
  server = await buildApi(service.app)
  await server.ready()
  document = (await (await fetch(`${service.url}/api/openapi.json`)).json()) as Document
  firm = await makeFirm(service.app)
  admin = await makeMember(service.app, firm)
})
afterAll(async () => {
  await server.close()
  await service.stop()
})

type Described = Operation & { name: string }

function operations(): Described[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) =>
      Object.assign({ name: `${method.toUpperCase()} ${path}` }, operation),
    ),
  )
}

/** Pages for people, with what they load; HEAD and OPTIONS stand beside a GET by HTTP's own rules. */
const isForPeople = (url: string) => url === '/' || url === '/docs' || url.startsWith('/docs/')
const standsByItself = (method: string) => method !== 'HEAD' && method !== 'OPTIONS'

test('the description is a valid OpenAPI 3.1 document', async () => {
  const validator = new Validator()
  const { valid, errors } = await validator.validate(structuredClone(document) as never)

  expect({ valid, errors, version: validator.version }).toEqual({ valid: true, version: '3.1' })
  expect(document.openapi).toBe('3.1.0')
})

test('every route of the server is in it, and nothing else', () => {
  const served = server.servedRoutes
    .filter(({ method, url }) => standsByItself(method) && !isForPeople(url))
    .map(({ method, url }) => `${method} ${url.replace(/\/$/, '').replaceAll(/:(\w+)/g, '{$1}')}`)

  expect(served.length).toBeGreaterThan(25)
  expect(
    operations()
      .map(({ name }) => name)
      .toSorted(),
  ).toEqual([...new Set(served)].toSorted())
})

test('docs/api.md has every call, and no other', async () => {
  const page = await readFile(join(import.meta.dirname, '../../../docs/api.md'), 'utf8')
  const written = [...page.matchAll(/^\| `([A-Z]+ \/[^`]*)`/gm)].map(([, call = '']) => call)

  expect(written.toSorted()).toEqual(
    operations()
      .map(({ name }) => name)
      .toSorted(),
  )
})

test('a token is asked for where the route asks for one', () => {
  const isPublic = new Map(
    server.servedRoutes.map(({ method, url, access }) => [
      `${method} ${url.replaceAll(/:(\w+)/g, '{$1}')}`,
      access === 'public',
    ]),
  )
  const wrong = operations().filter(
    ({ name, security }) => JSON.stringify(security) !== JSON.stringify(isPublic.get(name) ? [] : [{ bearer: [] }]),
  )

  expect(wrong).toEqual([])
  expect(document.components.securitySchemes).toEqual({
    bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
  })
})

test('every operation says what it does, under a heading, and what each of its answers means', () => {
  const headings = new Set(document.tags.map(({ name }) => name))
  const lacking = operations().filter(({ summary, tags = [], responses }) => {
    const isUnderHeading = tags.length > 0 && tags.every((tag) => headings.has(tag))
    const hasSuccess = Object.keys(responses).some((status) => /^[23]/.test(status))
    const meansSomething = Object.values(responses).every(({ description }) => description !== 'Default Response')
    return !(summary && isUnderHeading && hasSuccess && meansSomething)
  })

  expect(lacking).toEqual([])
})

test('every refusal is problem+json with an example of each code that may come', () => {
  const refusals = operations().flatMap(({ name, responses }) =>
    Object.entries(responses)
      .filter(([status]) => status.startsWith('4'))
      .map(([status, { content }]) => ({
        name,
        status: Number(status),
        problem: content?.['application/problem+json'],
      })),
  )
  const wrong = refusals.filter(({ status, problem }) => {
    const examples = Object.entries(problem?.examples ?? {})
    const isProblem = problem?.schema?.$ref === '#/components/schemas/Problem'
    const areRight = examples.every(([code, { value }]) => value.status === status && value.code === code)
    return !(isProblem && areRight && examples.length > 0)
  })

  expect(refusals.length).toBeGreaterThan(60)
  expect(wrong).toEqual([])
})

test('refusals that are given are those that are described', async () => {
  const documents = `/api/v1/security-firms/${firm}/documents`
  const { id } = await uploadDocument(service.url, firm, admin)
  const stranger = await makePerson(service.app)
  const json = { 'content-type': 'application/json' }
  const post = (path: string, body: string, headers = {}) =>
    fetch(`${service.url}${path}`, { method: 'POST', body, headers: { ...json, ...headers } })
  const heard: [string, Response][] = [
    ['GET documents', await callDocuments(service.url, firm, undefined)],
    ['GET documents', await callDocuments(service.url, firm, stranger)],
    ['GET documents', await callDocuments(service.url, firm, admin, '?cursor=x.y')],
    ['GET documents', await callDocuments(service.url, firm, admin, '?limit=0')],
    ['GET documents/{id}', await callDocuments(service.url, firm, admin, '/not-an-id')],
    [
      'GET documents/{id}/download',
      await callDocuments(service.url, firm, admin, `/${id}/download`, { headers: { range: 'bytes=999999-' } }),
    ],
    ['POST documents', await uploadFile(service.url, firm, admin, { bytes: Buffer.from('MZ no paper') })],
    ['POST documents', await uploadFile(service.url, firm, admin, { bytes: Buffer.alloc(0) })],
    ['POST documents', await uploadFile(service.url, firm, admin, { query: { sha256: '0'.repeat(64) } })],
    ['POST documents', await post(`${documents}?document_type=tax_clearance`, '{}', admin.headers)],
    ['POST auth/login', await post('/api/v1/auth/login', '{')],
    ['POST auth/login', await post('/api/v1/auth/login', '{}')],
    ['POST auth/login', await post('/api/v1/auth/login', '{"email":"a@b.example","password":"wrong"}')],
    ['POST auth/login', await post('/api/v1/auth/login', 'x', { 'content-type': 'text/xml' })],
    ['POST auth/refresh', await post('/api/v1/auth/refresh', '{}')],
    ['GET files/{token}', await fetch(`${service.url}/api/v1/files/no-token`)],
  ]

  const undescribed: string[] = []
  for (const [name, response] of heard) {
    const { status, code } = (await response.json()) as ProblemBody
    const described = operations().find((operation) => shortName(operation.name) === name)
    const examples = described?.responses[status]?.content?.['application/problem+json']?.examples ?? {}
    if (!(code in examples)) undescribed.push(`${name}: ${status} ${code}`)
  }
  expect(undescribed).toEqual([])
})

function shortName(name: string): string {
  return name.replace('/api/v1/', '').replace('security-firms/{firm_id}/documents', 'documents')
}

test('an upload is a form with one file', () => {
  const upload = operations().find(({ name }) => shortName(name) === 'POST documents')

  expect(upload?.requestBody).toMatchObject({
    required: true,
    content: {
      'multipart/form-data': {
        schema: { type: 'object', required: ['file'], properties: { file: { type: 'string', format: 'binary' } } },
      },
    },
  })
  expect(Object.keys(upload?.requestBody?.content ?? {})).toEqual(['multipart/form-data'])
})

test('whoever sends JSON finds an example of every field that must be there', () => {
  const bodies = operations().flatMap(({ name, requestBody }) => {
    const schema = requestBody?.content['application/json']?.schema
    return schema === undefined ? [] : [{ name, schema: resolved(schema) }]
  })
  const without = bodies.flatMap(({ name, schema: { required = [], properties = {} } }) =>
    required.filter((field) => !hasExample(properties[field])).map((field) => `${name}: ${field}`),
  )

  expect(bodies.length).toBeGreaterThan(8)
  expect(without).toEqual([])
})

/** A closed list, and yes or no, are examples by themselves. */
function hasExample(property: Schema | undefined): boolean {
  return property !== undefined && (property.example !== undefined || 'enum' in property || property.type === 'boolean')
}

function resolved(schema: Schema): Schema {
  const name = schema.$ref?.split('/').at(-1)
  return name === undefined ? schema : (document.components.schemas[name] ?? {})
}

test('every named shape is referred to', () => {
  const text = JSON.stringify(document)
  const unused = Object.keys(document.components.schemas).filter((name) => !text.includes(`schemas/${name}"`))

  expect(unused).toEqual([])
  expect(Object.keys(document.components.schemas)).toEqual(
    expect.arrayContaining(['Document', 'Problem', 'Firm', 'Tokens']),
  )
})

test('the address is the one that people reach the service by', () => {
  expect(document.servers).toEqual([{ url: 'https://papers.bluecrane.example' }])
})

test('there is nothing in it of the installation: no path, bucket or secret', () => {
  expect(JSON.stringify(document)).not.toMatch(/paniq-system-dev|\/tmp\/|a secret for tests|postgres:/)
})

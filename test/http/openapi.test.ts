import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { Validator } from '@seriousme/openapi-schema-validator'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'

import { buildApi } from '../../src/bin/api.ts'
import { pagePaths, previewFramePath } from '../../src/http/page/page-routes.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { type ApiDocument, operationsOf, readApiDocument, type Schema } from '../support/http/api-document.ts'

let service: TestService
let server: FastifyInstance
let document: ApiDocument

beforeAll(async () => {
  service = await startService({ PUBLIC_URL: 'https://documents.bluecrane.example' })
  server = await buildApi(service.app)
  await server.ready()
  document = await readApiDocument(service.url)
})
afterAll(async () => {
  await server.close()
  await service.stop()
})

/** Pages for people with their resources. HEAD and OPTIONS follow from HTTP's own rules. */
const isForPeople = (url: string) =>
  [...pagePaths, previewFramePath, '/assets/*', '/docs'].includes(url) || url.startsWith('/docs/')
const standsByItself = (method: string) => method !== 'HEAD' && method !== 'OPTIONS'

test('the description is a valid OpenAPI 3.1 document', async () => {
  const validator = new Validator()
  const { valid, errors } = await validator.validate(structuredClone(document) as never)

  expect({ valid, errors, version: validator.version }).toEqual({ valid: true, version: '3.1' })
  expect(document.openapi).toBe('3.1.0')
})

test('every route that needs a token describes its rate limit', () => {
  const ofSomebody = operationsOf(document).filter(({ security }) => security.length > 0)

  expect(ofSomebody.length).toBeGreaterThan(15)
  expect(ofSomebody.filter((each) => each.responses['429'] === undefined).map(({ name }) => name)).toEqual([])
})

test('it describes every route of the server, and nothing else', () => {
  const served = server.servedRoutes
    .filter(({ method, url }) => standsByItself(method) && !isForPeople(url))
    .map(({ method, url }) => `${method} ${url.replace(/\/$/, '').replaceAll(/:(\w+)/g, '{$1}')}`)

  expect(served.length).toBeGreaterThan(25)
  expect(
    operationsOf(document)
      .map(({ name }) => name)
      .toSorted(),
  ).toEqual([...new Set(served)].toSorted())
})

/** The description leaves them to the protocol. */
const uploads = '/api/v1/security-firms/{firm_id}/uploads'
const callsOfTus = [`HEAD ${uploads}/{id}`, `OPTIONS ${uploads}`, `OPTIONS ${uploads}/{id}`]

test('docs/api.md has every call, and no other', async () => {
  const page = await readFile(join(import.meta.dirname, '../../docs/api.md'), 'utf8')
  const written = [...page.matchAll(/^\| `([A-Z]+ \/[^`]*)`/gm)].map(([, call = '']) => call)

  expect(written.toSorted()).toEqual([...operationsOf(document).map(({ name }) => name), ...callsOfTus].toSorted())
})

test('an operation requires a token if its route does', () => {
  const isPublic = new Map(
    server.servedRoutes.map(({ method, url, access }) => [
      `${method} ${url.replaceAll(/:(\w+)/g, '{$1}')}`,
      access === 'public',
    ]),
  )
  const wrong = operationsOf(document).filter(
    ({ name, security }) => JSON.stringify(security) !== JSON.stringify(isPublic.get(name) ? [] : [{ bearer: [] }]),
  )

  expect(wrong).toEqual([])
  expect(document.components.securitySchemes).toEqual({
    bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
  })
})

test('every operation has a summary, a heading and a description of each answer', () => {
  const headings = new Set(document.tags.map(({ name }) => name))
  const lacking = operationsOf(document).filter(({ summary, tags = [], responses }) => {
    const isUnderHeading = tags.length > 0 && tags.every((tag) => headings.has(tag))
    const hasSuccess = Object.keys(responses).some((status) => /^[23]/.test(status))
    const meansSomething = Object.values(responses).every(({ description }) => description !== 'Default Response')
    return !(summary && isUnderHeading && hasSuccess && meansSomething)
  })

  expect(lacking).toEqual([])
})

test('every error is problem+json with an example of each possible code', () => {
  const refusals = operationsOf(document).flatMap(({ name, responses }) =>
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

const leavesOne = ({ name }: { name: string }) => !name.startsWith('GET ') || name.includes('/documents/{id}')

test('every operation that always writes an audit event has a rate limit', () => {
  const without = operationsOf(document).filter((each) => leavesOne(each) && !('429' in each.responses))

  expect(without.map(({ name }) => name)).toEqual([])
})

test('an upload is a form with one file', () => {
  const upload = operationsOf(document).find(({ name }) => name === 'POST /api/v1/security-firms/{firm_id}/documents')

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

test('every JSON body has an example with all required fields', () => {
  const bodies = operationsOf(document).flatMap(({ name, requestBody }) => {
    const schema = requestBody?.content['application/json']?.schema
    return schema === undefined ? [] : [{ name, schema: resolved(schema) }]
  })
  const without = bodies.flatMap(({ name, schema: { required = [], properties = {} } }) =>
    required.filter((field) => !hasExample(properties[field])).map((field) => `${name}: ${field}`),
  )

  expect(bodies.length).toBeGreaterThan(8)
  expect(without).toEqual([])
})

/** An enum and a boolean are examples by themselves. */
function hasExample(property: Schema | undefined): boolean {
  return property !== undefined && (property.example !== undefined || 'enum' in property || property.type === 'boolean')
}

function resolved(schema: Schema): Schema {
  const name = schema.$ref?.split('/').at(-1)
  return name === undefined ? schema : (document.components.schemas[name] ?? {})
}

test('every named schema is referenced', () => {
  const text = JSON.stringify(document)
  const unused = Object.keys(document.components.schemas).filter((name) => !text.includes(`schemas/${name}"`))

  expect(unused).toEqual([])
  expect(Object.keys(document.components.schemas)).toEqual(
    expect.arrayContaining(['Document', 'Problem', 'Firm', 'Tokens']),
  )
})

test('the server’s address is the public one', () => {
  expect(document.servers).toEqual([{ url: 'https://documents.bluecrane.example' }])
})

test('npm run openapi writes the same description to a file, without any service', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'paniq-openapi-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'openapi.json')
  const root = join(import.meta.dirname, '../..')
  // Only what the command needs to be found: no setting, and no .env of the folder.
  await promisify(execFile)('npm', ['run', 'openapi', '--', file], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '' },
  })

  const written: unknown = JSON.parse(await readFile(file, 'utf8'))
  expect(written).toEqual({ ...document, servers: [{ url: '/' }] })
})

test('it has no internal path, bucket or secret', () => {
  expect(JSON.stringify(document)).not.toMatch(/paniq-system-dev|\/tmp\/|a secret for tests|postgres:/)
})

import swagger from '@fastify/swagger'
import type { FastifyContextConfig, FastifyInstance, FastifySchema } from 'fastify'
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod'

import type { ErrorCode } from '../../errors/app-error.ts'
import { rights } from '../../people/rights.ts'
import { errorTable } from '../errors/error-codes.ts'

type Options = { publicUrl: string | undefined; version: string }

const aboutApi = `
Keeps the papers of security firms: uploaded once, safe in S3 or on local disk, given back only to those who may have them.

Log in with \`POST /api/v1/auth/login\` and send the answered \`access_token\` with every call, as
\`Authorization: Bearer …\`; an access token of the platform, or of the OpenID provider that is set up here, does as well. Every refusal is \`application/problem+json\` with a stable \`code\`; docs/errors.md of the
project says what each means and what to do.`

const tags = [
  { name: 'documents', description: 'A firm’s papers.' },
  { name: 'people', description: 'Accounts and sessions.' },
  { name: 'firms', description: 'Security firms.' },
  { name: 'members', description: 'Who belongs to a firm, and as what.' },
  { name: 'document types', description: 'Which papers there are.' },
  { name: 'operations', description: 'Whether and how the service works.' },
]

type Made = { jsonSchema: { format?: string; pattern?: string; minimum?: number; maximum?: number } }

/** Leaves out what Zod adds for machines and people need not read: a pattern beside a format, the bounds of every integer. */
const zodToJsonConfig = {
  override({ jsonSchema }: Made) {
    if (jsonSchema.format !== undefined) delete jsonSchema.pattern
    if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
    if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
  },
}
const toJsonSchema = createJsonSchemaTransform({ zodToJsonConfig })
const addNamedSchemas = createJsonSchemaTransformObject({ zodToJsonConfig })

/** Collects every route that is added from now on into one OpenAPI document, made of the schemas that requests are checked with. */
export async function describeApi(server: FastifyInstance, { publicUrl, version }: Options): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Paniq Documents',
        version,
        description: aboutApi.trim(),
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: publicUrl ?? '/' }],
      tags,
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
    },
    stripBasePath: false,
    transform(document) {
      const { schema, url } = toJsonSchema(document)
      if (schema?.hide === true) return { schema, url }
      const { config = {} } = document.route
      return {
        url,
        schema: {
          ...schema,
          ...describeBody(schema),
          security: config.access === 'public' ? [] : [{ bearer: [] }],
          response: describeAnswers(schema, config),
        },
      }
    },
    transformObject: (document) => markOptionalBodies(dropUnusedSchemas(addNamedSchemas(document))),
  })
}

/** Takes out of an OpenAPI document the named schemas that nothing in it refers to: each is written once for what comes in and once for what goes out. */
function dropUnusedSchemas<Given extends object>(document: Given): Given {
  const { schemas, ...others } = componentsOf(document)
  const without = JSON.stringify({ ...document, components: undefined })
  const used = new Set(namesIn(without))
  // A set goes on to what is added while it is walked.
  for (const name of used) for (const inner of namesIn(JSON.stringify(schemas[name] ?? null))) used.add(inner)

  return {
    ...document,
    components: {
      ...others,
      schemas: Object.fromEntries(Object.entries(schemas).filter(([name]) => used.has(name))),
    },
  }
}

/** By OpenAPI's own rule; what is not there is empty. */
function componentsOf(document: { components?: { schemas?: Record<string, unknown> } }) {
  return { ...document.components, schemas: document.components?.schemas ?? {} }
}

function namesIn(text: string): string[] {
  return [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].flatMap(([, name]) => name ?? [])
}

type Media = { schema?: { anyOf?: { type?: unknown }[] } }
type Body = { required?: boolean; content?: Record<string, Media> }
type Document = { paths?: Record<string, unknown> }

/** Says of a body which may be null that it may be left out too; the plugin that makes the document calls all required. */
function markOptionalBodies<Given extends Document>(document: Given): Given {
  for (const methods of Object.values(document.paths ?? {}))
    // A path's entries are operations: no route of ours says anything for a whole path.
    for (const { requestBody } of Object.values(methods as Record<string, { requestBody?: Body }>))
      if (requestBody !== undefined && mayBeNull(requestBody)) requestBody.required = false
  return document
}

function mayBeNull({ content = {} }: Body): boolean {
  return Object.values(content).some(({ schema }) => schema?.anyOf?.some(({ type }) => type === 'null') === true)
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Refusals of this route that its right, its access and its schemas do not tell of by themselves. */
    errors?: readonly ErrorCode[]
    /** Answers with a file, or with the way to where it lies. */
    sendsFile?: 'itself' | 'or_a_link'
  }
}

type Config = Partial<FastifyContextConfig>
/** As it stands in the document: JSON Schema by now, no longer Zod's. */
type Described = FastifySchema & { consumes?: readonly string[] }
type Answers = Record<string, unknown>

/** The form that a route takes which reads its body by itself. */
function describeBody(schema: Described | undefined): { body?: unknown } {
  if (schema?.consumes?.includes('multipart/form-data') !== true) return {}
  const file = { type: 'string', format: 'binary', contentMediaType: 'application/octet-stream' }
  return {
    body: {
      type: 'object',
      required: ['file'],
      properties: { file: { ...file, description: 'The file itself, with its name: PDF, JPEG or PNG.' } },
    },
  }
}

/** Every answer that a route can give: its own, and its refusals. */
function describeAnswers(schema: Described | undefined, config: Config): Answers {
  return {
    ...describeSuccess(schema?.response as Answers | undefined),
    ...(config.sendsFile === undefined ? {} : fileAnswers),
    ...(config.sendsFile === 'or_a_link' ? linkAnswers : {}),
    ...describeErrors(codesOf(schema, config)),
    default: anyError,
  }
}

const meanings: Record<string, string> = {
  200: 'Done',
  201: 'Made',
  204: 'Done; the answer has no body',
  503: 'It cannot do its work now',
}

function describeSuccess(response: Answers = {}): Answers {
  return Object.fromEntries(
    Object.entries(response).map(([status, answer]) => [status, withDescription(answer, meanings[status] ?? 'Answer')]),
  )
}

function withDescription(answer: unknown, description: string): unknown {
  const schema = answer as { type?: unknown; content?: unknown } // JSON Schema, or an answer by media type
  if (schema.type === 'null') return { type: 'null', description }
  if (schema.content !== undefined) return { description, ...schema }
  return { description, content: { 'application/json': { schema } } }
}

const fileContent = { schema: { type: 'string', format: 'binary', contentMediaType: 'application/octet-stream' } }

const fileAnswers: Answers = {
  200: { description: 'The file', content: { '*/*': fileContent } },
  206: { description: 'The part of the file that `Range` asked for', content: { '*/*': fileContent } },
  304: { description: 'The file that `If-None-Match` names is still the one', type: 'null' },
}

const linkAnswers: Answers = {
  200: {
    description:
      'The file, when it lies on local disk; a link to it, when the request accepts `application/json` and not `*/*`',
    content: { '*/*': fileContent, 'application/json': { schema: { $ref: '#/components/schemas/DownloadLink' } } },
  },
  302: { description: 'The file lies on S3, where `Location` points for as long as the link lives', type: 'null' },
}

/** What every route may answer when something is broken here, too busy, or not understood at all. */
const anyError = {
  description: 'Any other refusal, in the same form',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
}

function codesOf(schema: Described | undefined, config: Config): ErrorCode[] {
  const ofRate: ErrorCode[] = isLimited(config) ? ['rate_limited'] : []
  return [...codesOfAccess(config), ...codesOfInput(schema), ...ofRate, ...(config.errors ?? [])]
}

/** Whoever must be known may have no event of the audit trail left. */
function isLimited({ rate, access, right }: Config): boolean {
  return rate !== undefined || right !== undefined || (access !== undefined && access !== 'public')
}

function codesOfAccess({ access, right }: Config): ErrorCode[] {
  if (right !== undefined)
    return ['unauthenticated', 'not_a_member', 'forbidden', ...(rights[right].reads ? [] : ['firm_locked' as const])]
  return access === undefined || access === 'public' ? [] : ['unauthenticated', 'forbidden']
}

function codesOfInput(schema: Described | undefined): ErrorCode[] {
  const { params, querystring, headers, body } = schema ?? {}
  const codes: ErrorCode[] = []
  if (params !== undefined) codes.push('not_found')
  if (querystring !== undefined || headers !== undefined) codes.push('validation_failed')
  if (hasProperty(querystring, 'cursor')) codes.push('bad_request')
  if (body !== undefined) codes.push('validation_failed', 'bad_request', 'too_large', 'unsupported_type')
  return codes
}

function hasProperty(schema: unknown, name: string): boolean {
  return JSON.stringify(schema ?? {}).includes(`"${name}":`)
}

/** One answer per status, with an example of each code that may come under it. */
function describeErrors(codes: ErrorCode[]): Answers {
  const byStatus = Object.groupBy(new Set(codes), (code) => errorTable[code].status)
  const answers = Object.entries(byStatus).map(([status, ofStatus = []]) => [
    status,
    {
      description: ofStatus.map((code) => `\`${code}\`: ${errorTable[code].title}`).join(' · '),
      content: {
        'application/problem+json': {
          schema: { $ref: '#/components/schemas/Problem' },
          examples: Object.fromEntries(ofStatus.map((code) => [code, { value: exampleOf(code) }])),
        },
      },
    },
  ])
  return Object.fromEntries(answers) as Answers
}

function exampleOf(code: ErrorCode): Record<string, unknown> {
  const { status, title, example: detail } = errorTable[code]
  const requestId = '0198c0de-7a5e-4b6e-9d57-2f0c9f3a1b2c'
  return { type: 'about:blank', title, status, detail, code, request_id: requestId, message: detail, error_code: code }
}

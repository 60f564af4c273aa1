import swagger from '@fastify/swagger'
import type { FastifyContextConfig, FastifyInstance, FastifySchema } from 'fastify'
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod'

import type { ErrorCode } from '../../errors/app-error.ts'
import { rights } from '../../people/rights.ts'
import { errorTable } from '../errors/error-codes.ts'

type Options = { publicUrl: string | undefined; version: string }

const aboutApi = `
Stores the documents of security firms in S3 or on local disk, and serves them to authorized people only.

Log in with \`POST /api/v1/auth/login\` and send the \`access_token\` of the response with every call, as
\`Authorization: Bearer …\`. Access tokens of the platform and of the configured OpenID provider and API keys (\`POST /api/v1/api-keys\`)
also work. Every error is
\`application/problem+json\` with a stable \`code\`; docs/errors.md of the project explains each code.`

const tags = [
  { name: 'documents', description: 'The documents of a firm.' },
  { name: 'people', description: 'Accounts and sessions.' },
  { name: 'firms', description: 'Security firms.' },
  { name: 'members', description: 'The members of a firm and their roles.' },
  { name: 'invitations', description: 'A person becomes a member by accepting an invitation.' },
  { name: 'document types', description: 'The types of documents.' },
  { name: 'review', description: 'What a firm lacks, what waits for a decision, and applications of firms.' },
  { name: 'api keys', description: 'Keys for programs.' },
  { name: 'messages', description: 'What was or would be mailed to a person.' },
  { name: 'webhooks', description: 'Requests to other systems when something happens.' },
  { name: 'operations', description: 'The state of the service.' },
]

type Generated = { jsonSchema: { format?: string; pattern?: string; minimum?: number; maximum?: number } }

/** Omits redundant facts that Zod adds: a pattern next to a format, the bounds of every integer. */
const zodToJsonConfig = {
  override({ jsonSchema }: Generated) {
    if (jsonSchema.format !== undefined) delete jsonSchema.pattern
    if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
    if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
  },
}
const toJsonSchema = createJsonSchemaTransform({ zodToJsonConfig })
const addNamedSchemas = createJsonSchemaTransformObject({ zodToJsonConfig })

/** Describes every route that is added later in one OpenAPI document, from the schemas that validate requests. */
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
          response: describeResponses(schema, config),
        },
      }
    },
    transformObject: (document) => markOptionalBodies(dropUnusedSchemas(addNamedSchemas(document))),
  })
}

/** Removes unreferenced named schemas: the plugin adds each one for input and for output. */
function dropUnusedSchemas<Given extends object>(document: Given): Given {
  const { schemas, ...others } = componentsOf(document)
  const without = JSON.stringify({ ...document, components: undefined })
  const used = new Set(namesIn(without))
  // The loop also visits names that are added meanwhile.
  for (const name of used) for (const inner of namesIn(JSON.stringify(schemas[name] ?? null))) used.add(inner)

  return {
    ...document,
    components: {
      ...others,
      schemas: Object.fromEntries(Object.entries(schemas).filter(([name]) => used.has(name))),
    },
  }
}

/** The components, with `schemas` as an empty object by default. */
function componentsOf(document: { components?: { schemas?: Record<string, unknown> } }) {
  return { ...document.components, schemas: document.components?.schemas ?? {} }
}

function namesIn(text: string): string[] {
  return [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].flatMap(([, name]) => name ?? [])
}

type Media = { schema?: { anyOf?: { type?: unknown }[] } }
type Body = { required?: boolean; content?: Record<string, Media> }
type Document = { paths?: Record<string, unknown> }

/** Marks a nullable body as optional; the plugin marks every body as required. */
function markOptionalBodies<Given extends Document>(document: Given): Given {
  for (const methods of Object.values(document.paths ?? {}))
    // Every entry of a path is an operation: no route sets facts for a whole path.
    for (const { requestBody } of Object.values(methods as Record<string, { requestBody?: Body }>))
      if (requestBody !== undefined && mayBeNull(requestBody)) requestBody.required = false
  return document
}

function mayBeNull({ content = {} }: Body): boolean {
  return Object.values(content).some(({ schema }) => schema?.anyOf?.some(({ type }) => type === 'null') === true)
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Error codes of this route beyond those that its right, access and schemas imply. */
    errors?: readonly ErrorCode[]
    /** Responses with a file, or with a link to it. */
    sendsFile?: 'itself' | 'or_a_link' | 'archive' | 'archive_or_a_link' | 'calendar' | 'page'
  }
}

type Config = Partial<FastifyContextConfig>
/** The schema of a route as JSON Schema. */
type Described = FastifySchema & { consumes?: readonly string[] }
type Responses = Record<string, unknown>

/** The body of a route that receives a form. */
function describeBody(schema: Described | undefined): { body?: unknown } {
  if (schema?.consumes?.includes('multipart/form-data') !== true) return {}
  const file = { type: 'string', format: 'binary', contentMediaType: 'application/octet-stream' }
  return {
    body: {
      type: 'object',
      required: ['file'],
      properties: {
        file: {
          ...file,
          description: 'The file with its name: PDF, JPEG or PNG, unless the document type allows other formats.',
        },
      },
    },
  }
}

/** Every response of a route: successes and errors. */
function describeResponses(schema: Described | undefined, config: Config): Responses {
  return {
    ...describeSuccess(schema?.response as Responses | undefined),
    ...describeFile(config.sendsFile),
    ...describeErrors(codesOf(schema, config)),
    default: anyError,
  }
}

function describeFile(sends: Config['sendsFile']): Responses {
  if (sends === undefined) return {}
  if (sends === 'archive') return archiveResponses
  if (sends === 'archive_or_a_link') return archiveOrLinkResponses
  if (sends === 'calendar') return calendarResponses
  if (sends === 'page') return pageResponses
  return { ...fileResponses, ...(sends === 'or_a_link' ? linkResponses : {}) }
}

const meanings: Record<string, string> = {
  200: 'Done',
  201: 'Created',
  204: 'Done; the response has no body',
  503: 'Not available',
}

function describeSuccess(response: Responses = {}): Responses {
  return Object.fromEntries(
    Object.entries(response).map(([status, answer]) => [
      status,
      withDescription(answer, meanings[status] ?? 'Response'),
    ]),
  )
}

function withDescription(answer: unknown, description: string): unknown {
  const schema = answer as { type?: unknown; content?: unknown } // JSON Schema, or a response by media type
  if (schema.type === 'null') return { type: 'null', description }
  if (schema.content !== undefined) return { description, ...schema }
  return { description, content: { 'application/json': { schema } } }
}

const fileContent = { schema: { type: 'string', format: 'binary', contentMediaType: 'application/octet-stream' } }

const fileResponses: Responses = {
  200: { description: 'The file', content: { '*/*': fileContent } },
  206: { description: 'The part of the file that `Range` requests', content: { '*/*': fileContent } },
  304: { description: 'The file is still the one in `If-None-Match`', type: 'null' },
}

const archiveResponses: Responses = {
  200: { description: 'The archive', content: { 'application/zip': fileContent } },
}

const archiveOrLinkResponses: Responses = {
  200: {
    description: 'The archive; a link to it, if the request accepts `application/json` and not `*/*`',
    content: {
      'application/zip': fileContent,
      'application/json': { schema: { $ref: '#/components/schemas/DownloadLink' } },
    },
  },
}

const calendarResponses: Responses = {
  200: { description: 'The calendar', content: { 'text/calendar': { schema: { type: 'string' } } } },
  304: { description: 'The calendar is still the one in `If-None-Match`', type: 'null' },
}

const pageResponses: Responses = {
  200: { description: 'A page for a browser', content: { 'text/html': { schema: { type: 'string' } } } },
}

const linkResponses: Responses = {
  200: {
    description:
      'The file, if it is stored locally; a link to it, if the request accepts `application/json` and not `*/*`',
    content: { '*/*': fileContent, 'application/json': { schema: { $ref: '#/components/schemas/DownloadLink' } } },
  },
  302: { description: 'The file is stored in S3; `Location` is a link that expires', type: 'null' },
}

/** Errors that every route may return. */
const anyError = {
  description: 'Any other error, in the same form',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
}

function codesOf(schema: Described | undefined, config: Config): ErrorCode[] {
  const ofRate: ErrorCode[] = isLimited(config) ? ['rate_limited'] : []
  return [...codesOfAccess(config), ...codesOfInput(schema), ...ofRate, ...(config.errors ?? [])]
}

/** Every authenticated call may exceed the rate limit of events. */
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

/** One response per status, with an example of each of its codes. */
function describeErrors(codes: ErrorCode[]): Responses {
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
  return Object.fromEntries(answers) as Responses
}

function exampleOf(code: ErrorCode): Record<string, unknown> {
  const { status, title, example: detail } = errorTable[code]
  const requestId = '0198c0de-7a5e-4b6e-9d57-2f0c9f3a1b2c'
  return { type: 'about:blank', title, status, detail, code, request_id: requestId, message: detail, error_code: code }
}

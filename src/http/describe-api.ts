import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod'

import { describeAnswers, describeBody } from './describe-route.ts'

type Options = { publicUrl: string | undefined; version: string }

const description = `
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
        description: description.trim(),
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
function dropUnusedSchemas<Described extends object>(document: Described): Described {
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
function markOptionalBodies<Described extends Document>(document: Described): Described {
  for (const methods of Object.values(document.paths ?? {}))
    // A path's entries are operations: no route of ours says anything for a whole path.
    for (const { requestBody } of Object.values(methods as Record<string, { requestBody?: Body }>))
      if (requestBody !== undefined && mayBeNull(requestBody)) requestBody.required = false
  return document
}

function mayBeNull({ content = {} }: Body): boolean {
  return Object.values(content).some(({ schema }) => schema?.anyOf?.some(({ type }) => type === 'null') === true)
}

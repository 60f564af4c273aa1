import type { FastifyContextConfig, FastifySchema } from 'fastify'

import type { ErrorCode } from '../errors.ts'
import { rights } from '../people/rights.ts'
import { statusByCode } from './answer-error.ts'

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
export function describeBody(schema: Described | undefined): { body?: unknown } {
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
export function describeAnswers(schema: Described | undefined, config: Config): Answers {
  return {
    ...describeSuccess(schema?.response as Answers | undefined),
    ...(config.sendsFile === undefined ? {} : fileAnswers),
    ...(config.sendsFile === 'or_a_link' ? linkAnswers : {}),
    ...describeRefusals(codesOf(schema, config)),
    default: anyRefusal,
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
const anyRefusal = {
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
function describeRefusals(codes: ErrorCode[]): Answers {
  const byStatus = Object.groupBy(new Set(codes), (code) => statusByCode[code].status)
  const answers = Object.entries(byStatus).map(([status, ofStatus = []]) => [
    status,
    {
      description: ofStatus.map((code) => `\`${code}\`: ${statusByCode[code].title}`).join(' · '),
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
  const { status, title } = statusByCode[code]
  const detail = exampleDetails[code]
  const requestId = '0198c0de-7a5e-4b6e-9d57-2f0c9f3a1b2c'
  return { type: 'about:blank', title, status, detail, code, request_id: requestId, message: detail, error_code: code }
}

/** A sentence that a client may get with each code, for the API's description. */
const exampleDetails: Record<ErrorCode, string> = {
  bad_request: 'The body is not JSON.',
  unauthenticated: 'Your access token has expired. Refresh it, or log in again.',
  not_a_member: 'You are not an active member of this firm.',
  forbidden: 'Your role in this firm does not allow this.',
  firm_locked: 'This firm is locked: its papers can be read, not changed.',
  not_found: 'There is no such document in this firm.',
  method_not_allowed: 'This address does not take PUT; it takes GET, HEAD, POST.',
  conflict: 'This Idempotency-Key was used for another file. Use a new key for a new file.',
  scan_pending: 'This document has not been scanned for viruses yet. Try again in a minute.',
  quarantined:
    'This document is in quarantine: a virus was found in it. Hand in a clean file as its new version, or delete it.',
  gone: 'This document is in the trash. Restore it to download it.',
  precondition_failed: 'The document was changed since you looked at it. Look again, then decide.',
  too_large: 'The file is larger than 10 MB, the most that is taken here.',
  unsupported_type: 'This is no PDF, JPEG or PNG, whatever its name says.',
  range_not_satisfiable: 'The file has 48213 bytes; the asked range begins past its end.',
  validation_failed: 'Not valid: document_type: There is no such document type.',
  empty_file: 'The file is empty. Choose another one and send it again.',
  infected: 'A virus was found in this file. It was not kept.',
  precondition_required: 'Send the ETag of the document you looked at as If-Match.',
  rate_limited:
    'Too many downloads by one person: 1000 an hour are allowed. Go on in 4 seconds, and more slowly; who needs more asks the platform’s support.',
  quota_exceeded: 'This firm has used up its space. Delete what is not needed, or ask for more.',
  internal: 'Something went wrong on our side. Try again; if it stays, tell us the request id.',
  store_unavailable: 'The store of files cannot be reached just now. Nothing was lost; try again in a minute.',
}

import { randomBytes, randomUUID } from 'node:crypto'

import type { Db } from '../../../src/database/connection/client.ts'
import type { ServedRoute } from '../../../src/http/requests/served-routes.ts'
import type { UserId } from '../../../src/vocabulary/vocabulary.ts'
import { uploadDocument } from '../../support/documents/call-documents.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { makeMember, makePerson } from '../../support/people/people.ts'
import type { TestService } from '../../support/service/start-service.ts'
import { type Asking, confidentialFile, type Place } from './people-who-ask.ts'

type Options = {
  params?: Record<string, string>
  query?: string
  json?: unknown
  form?: FormData
}

type Way = {
  options: (service: TestService, place: Place) => Options | Promise<Options>
  /** What somebody hears who was let in, where it is not plain 200. */
  letIn: string
}

/**
 * A request for each changing route that succeeds for everybody with the right, and can be repeated. The
 * doors of `auth` get a body that is no good: who reaches its check was let in, and no password need be hashed.
 */
const ways: Record<string, Way> = {
  'POST /api/v1/auth/register': { options: () => ({ json: { email: 7 } }), letIn: '422 validation_failed' },
  'POST /api/v1/auth/login': { options: () => ({ json: { email: 7 } }), letIn: '422 validation_failed' },
  'POST /api/v1/auth/refresh': { options: () => ({ json: { refresh_token: 7 } }), letIn: '422 validation_failed' },
  'POST /api/v1/auth/logout': { options: () => ({ json: { refresh_token: 7 } }), letIn: '422 validation_failed' },
  'POST /api/v1/security-firms/register': { options: () => ({ json: newFirm() }), letIn: '201' },
  'PATCH /api/v1/security-firms/:firm_id': {
    options: (_service, place) => ({ json: { is_locked: place.isLocked } }),
    letIn: '200',
  },
  'POST /api/v1/security-firms/:firm_id/members': {
    options: async ({ app }) => ({ json: { email: (await makePerson(app)).email, role: 'firm_user' } }),
    letIn: '201',
  },
  'PATCH /api/v1/security-firms/:firm_id/members/:user_id': {
    options: (_service, place) => ({ params: { user_id: place.member.id }, json: { role: 'firm_user' } }),
    letIn: '200',
  },
  'DELETE /api/v1/security-firms/:firm_id/members/:user_id': {
    options: async ({ app }, { firmId }) => ({ params: { user_id: (await makeMember(app, firmId, 'firm_user')).id } }),
    letIn: '204',
  },
  'POST /api/v1/users/:user_id/identities': {
    options: () => ({ json: { issuer: 'https://login.example', subject: randomUUID() } }),
    letIn: '201',
  },
  'DELETE /api/v1/users/:user_id/identities/:identity_id': {
    options: async ({ app }, { member }) => ({ params: { identity_id: await linkedTo(app.db, member.id) } }),
    letIn: '204',
  },
  'POST /api/v1/document-types': {
    options: () => ({ json: { code: `t_${randomBytes(8).toString('hex')}`, name: 'Fire safety certificate' } }),
    letIn: '201',
  },
  'PATCH /api/v1/document-types/:document_type': { options: () => ({ json: { is_active: true } }), letIn: '200' },
  'POST /api/v1/security-firms/:firm_id/documents': {
    options: () => ({ query: '?document_type=tax_clearance', form: formWithFile() }),
    letIn: '201',
  },
  'POST /api/v1/security-firms/:firm_id/documents/:id/versions': {
    options: async (service, place) => ({ ...(await ownDocument(service, place)), form: formWithFile() }),
    letIn: '201',
  },
  'POST /api/v1/security-firms/:firm_id/documents/:id/versions/:n/restore': { options: ownDocument, letIn: '201' },
  'DELETE /api/v1/security-firms/:firm_id/documents/:id': { options: ownDocument, letIn: '204' },
  'POST /api/v1/security-firms/:firm_id/documents/:id/restore': { options: ownDocument, letIn: '200' },
  'PATCH /api/v1/security-firms/:firm_id/documents/:id/disposal': {
    options: () => ({ json: { hold: false, reason: 'the case is closed' } }),
    letIn: '200',
  },
  // Only a person who passed authentication is asked for If-Match.
  'PUT /api/v1/security-firms/:firm_id/documents/:id/review': {
    options: () => ({ json: { decision: 'verify' } }),
    letIn: '428 precondition_required',
  },
}

/** Whether this test knows how to ask the route: every way in that only reads is asked by its address alone. */
export function isKnown({ method, url }: ServedRoute): boolean {
  const canBeFilled = (url.match(/[:*]\w*/g) ?? []).every((name) => name.slice(1) in parametersOf(nowhere))
  return canBeFilled && (method === 'GET' || method === 'HEAD' || `${method} ${url}` in ways)
}

export function answerOfThoseLetIn({ method, url }: ServedRoute): string {
  return ways[`${method} ${url}`]?.letIn ?? '200'
}

/** Asks the route as this person, and tells the status with the code of a refusal. A HEAD has no body to tell one. */
export async function askRoute(to: Address, route: ServedRoute, asking: Asking): Promise<string> {
  const { method } = route
  const answer = await callRoute(to, route, asking)
  const text = await answer.text()
  if (answer.status < 400 || method === 'HEAD') return String(answer.status)
  const problem = JSON.parse(text) as { code: string }
  return `${answer.status} ${problem.code}`
}

type Address = {
  service: TestService
  url: string
  /** What stands behind every path. */
  end?: string
}

/** The same, with the answer as it is. */
export async function callRoute(
  { service, url: base, end = '' }: Address,
  { method, url }: ServedRoute,
  { authorization, place }: Asking,
): Promise<Response> {
  const options = (await ways[`${method} ${url}`]?.options(service, place)) ?? {}
  const params: Record<string, string> = { ...parametersOf(place), ...options.params }
  const path = url.replaceAll(/:(\w+)/g, (_colon, name: string) => params[name] ?? '')
  return await fetch(`${base}${path}${end}${options.query ?? ''}`, {
    method,
    redirect: 'manual',
    ...contentOf(options, authorization === undefined ? {} : { authorization }),
  })
}

function contentOf({ json, form }: Options, headers: Record<string, string>): RequestInit {
  if (form !== undefined) return { body: form, headers }
  if (json === undefined) return { headers }
  return { body: JSON.stringify(json), headers: { ...headers, 'content-type': 'application/json' } }
}

function parametersOf(place: Place): Record<string, string> {
  return {
    firm_id: place.firmId,
    id: place.documentId,
    n: '1',
    user_id: place.member.id,
    document_type: 'tax_clearance',
    token: place.fileToken,
    identity_id: randomUUID(),
  }
}

// Only the names matter here.
const nowhere = { member: {} } as Place

async function linkedTo(db: Db, userId: UserId): Promise<string> {
  const { id } = await db
    .insertInto('document_identities')
    .values({ issuer: 'https://login.example', subject: randomUUID(), user_id: userId, linked_by: null })
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}

/** A document of the same kind and by the same uploader, for a call that changes it. In a locked firm nothing is changed. */
async function ownDocument({ url }: TestService, place: Place): Promise<Options> {
  if (place.isLocked) return {}
  const options = place.documentId === place.confidentialId ? confidentialFile : {}
  const { id } = await uploadDocument(url, place.firmId, place.uploader, options)
  return { params: { id } }
}

function newFirm() {
  const id = randomUUID()
  return {
    name: 'Blue Crane Security',
    registration_number: id,
    email: `${id}@firms.example`,
    phone: '+27 21 555 0101',
    address: '12 Long Street, Cape Town',
    province: 'Western Cape',
  }
}

function formWithFile(): FormData {
  const form = new FormData()
  form.append('file', new Blob([Uint8Array.from(makePdf())], { type: 'application/pdf' }), 'licence.pdf')
  return form
}

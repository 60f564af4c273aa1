import { randomBytes, randomUUID } from 'node:crypto'

import type { Db } from '../../../src/database/connection/client.ts'
import type { ServedRoute } from '../../../src/http/requests/served-routes.ts'
import type { UserId } from '../../../src/vocabulary/vocabulary.ts'
import { uploadDocument } from '../../support/documents/call-documents.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { makeMember, makePerson } from '../../support/people/people.ts'
import type { TestService } from '../../support/service/start-service.ts'
import { newFirm } from '../../people/call-people.ts'
import { type Asking, confidentialFile, type Place } from './people-who-ask.ts'
import { waysOfCalendar } from './ways-of-calendar.ts'
import { waysOfMessages } from './ways-of-messages.ts'
import { waysOfReview } from './ways-of-review.ts'
import { waysOfUploads } from './ways-of-uploads.ts'

/** As a browser sends it. */
const newPasskey = {
  id: 'AAAA',
  rawId: 'AAAA',
  type: 'public-key',
  response: { clientDataJSON: 'AAAA', attestationObject: 'AAAA' },
}

export type Options = {
  params?: Record<string, string>
  query?: string
  headers?: Record<string, string>
  json?: unknown
  form?: FormData
  file?: Buffer
}

export type Way = {
  options: (service: TestService, place: Place) => Options | Promise<Options>
  /** The expected status of allowed people, if it is not 200. */
  letIn: string
  /** The call ends the membership of the caller, which is restored after it. */
  endsMembership?: true
}

/**
 * A request for each changing route that succeeds for everybody with the right and can be repeated. The routes of
 * `auth` get an invalid body: a validation error shows that the person was allowed, without hashing a password.
 */
const ways: Record<string, Way> = {
  'POST /api/v1/auth/register': { options: () => ({ json: { email: 7 } }), letIn: '422 validation_failed' },
  'POST /api/v1/auth/login': { options: () => ({ json: { email: 7 } }), letIn: '422 validation_failed' },
  'POST /api/v1/auth/refresh': { options: () => ({ json: { refresh_token: 7 } }), letIn: '422 validation_failed' },
  'POST /api/v1/auth/logout': { options: () => ({ json: { refresh_token: 7 } }), letIn: '422 validation_failed' },
  // There is no provider in these tests.
  'GET /api/v1/auth/provider': { options: () => ({}), letIn: '404 not_found' },
  'GET /api/v1/auth/provider/callback': { options: () => ({}), letIn: '404 not_found' },
  'POST /api/v1/auth/password/forgot': { options: () => ({ json: { email: 7 } }), letIn: '422 validation_failed' },
  'POST /api/v1/auth/password/reset': { options: () => ({ json: { token: 7 } }), letIn: '422 validation_failed' },
  'POST /api/v1/auth/email/verify': { options: () => ({ json: { token: 7 } }), letIn: '422 validation_failed' },
  'POST /api/v1/auth/email/verification': { options: () => ({}), letIn: '202' },
  'DELETE /api/v1/auth/sessions/:id': { options: () => ({ params: { id: randomUUID() } }), letIn: '404 not_found' },
  'POST /api/v1/auth/login/second-factor': {
    options: () => ({ json: { method: 7 } }),
    letIn: '422 validation_failed',
  },
  // The tests call the service at an IP address, where browsers have no passkeys.
  'POST /api/v1/auth/login/passkey/options': { options: () => ({}), letIn: '409 conflict' },
  'POST /api/v1/auth/login/passkey': { options: () => ({ json: { id: 7 } }), letIn: '422 validation_failed' },
  'POST /api/v1/auth/second-factor/totp': { options: () => ({}), letIn: '201' },
  'POST /api/v1/auth/second-factor/totp/confirm': {
    options: () => ({ json: { code: 'wrong' } }),
    letIn: '401 unauthenticated',
  },
  'DELETE /api/v1/auth/second-factor/totp': {
    options: () => ({ json: { password: 'wrong' } }),
    letIn: '403 forbidden',
  },
  'POST /api/v1/auth/second-factor/recovery-codes': {
    options: () => ({ json: { password: 'wrong' } }),
    letIn: '403 forbidden',
  },
  'POST /api/v1/auth/passkeys/options': { options: () => ({}), letIn: '409 conflict' },
  'POST /api/v1/auth/passkeys': { options: () => ({ json: newPasskey }), letIn: '409 conflict' },
  'GET /api/v1/auth/passkeys/:id': { options: () => ({}), letIn: '404 not_found' },
  'HEAD /api/v1/auth/passkeys/:id': { options: () => ({}), letIn: '404' },
  'DELETE /api/v1/auth/passkeys/:id': { options: () => ({ json: { password: 'wrong' } }), letIn: '403 forbidden' },
  'DELETE /api/v1/users/:user_id/second-factor': { options: () => ({}), letIn: '204' },
  'POST /api/v1/users/:user_id/erase': {
    options: async ({ app }) => ({ params: { user_id: (await makePerson(app)).id } }),
    letIn: '202',
  },
  'GET /api/v1/users': { options: () => ({ query: '?platform_role=reviewer' }), letIn: '200' },
  'HEAD /api/v1/users': { options: () => ({ query: '?platform_role=reviewer' }), letIn: '200' },
  'PUT /api/v1/users/:user_id/platform-role': { options: () => ({ json: { role: null } }), letIn: '200' },
  'PATCH /api/v1/users/:user_id': { options: () => ({ json: { is_locked: false } }), letIn: '200' },
  // The same password again is rejected before any is hashed.
  'PUT /api/v1/auth/password': {
    options: () => ({ json: { current_password: 'correct horse battery', new_password: 'correct horse battery' } }),
    letIn: '422 validation_failed',
  },
  'POST /api/v1/api-keys': {
    options: (_service, { firmId }) => ({ json: { name: 'a test', scopes: ['documents:read'], firm_id: firmId } }),
    letIn: '201',
  },
  'DELETE /api/v1/api-keys/:id': { options: () => ({ params: { id: randomUUID() } }), letIn: '404 not_found' },
  'POST /api/v1/webhooks': {
    // No address of the internet: nothing is sent.
    options: async ({ app }) => {
      await app.db.deleteFrom('document_webhooks').execute()
      return { json: { url: 'https://hooks.invalid/', events: ['document.expired'] } }
    },
    letIn: '201',
  },
  'PATCH /api/v1/webhooks/:id': {
    options: () => ({ params: { id: randomUUID() }, json: { enabled: false } }),
    letIn: '404 not_found',
  },
  'DELETE /api/v1/webhooks/:id': { options: () => ({ params: { id: randomUUID() } }), letIn: '404 not_found' },
  'GET /api/v1/webhooks/:id/deliveries': { options: () => ({}), letIn: '404 not_found' },
  'HEAD /api/v1/webhooks/:id/deliveries': { options: () => ({}), letIn: '404' },
  'POST /api/v1/webhooks/:id/deliveries/:delivery_id/retry': { options: () => ({}), letIn: '404 not_found' },
  'POST /api/v1/webhooks/:id/test': { options: () => ({}), letIn: '404 not_found' },
  'POST /api/v1/admin/mails/:id/retry': {
    options: () => ({ params: { id: randomUUID() } }),
    letIn: '404 not_found',
  },
  'POST /api/v1/security-firms/register': { options: () => ({ json: newFirm() }), letIn: '201' },
  'PATCH /api/v1/security-firms/:firm_id': {
    options: (_service, place) => ({ json: { is_locked: place.isLocked } }),
    letIn: '200',
  },
  'POST /api/v1/security-firms/:firm_id/members': {
    options: async ({ app }) => ({ json: { email: (await makePerson(app)).email, role: 'firm_user' } }),
    letIn: '202',
  },
  'DELETE /api/v1/auth/me/memberships/:firm_id': { options: () => ({}), letIn: '204', endsMembership: true },
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
  'PUT /api/v1/security-firms/:firm_id/documents': {
    options: () => ({ query: '?document_type=tax_clearance&file_name=licence.pdf', file: makePdf() }),
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
  ...waysOfMessages,
  'GET /assets/*': { options: () => ({}), letIn: '404 not_found' },
  'HEAD /assets/*': { options: () => ({}), letIn: '404' },
  ...waysOfReview,
  ...waysOfCalendar,
  ...waysOfUploads,
}

/** Whether this test can call the route. Routes that only read need only their address. */
export function isKnown({ method, url }: ServedRoute): boolean {
  const canBeFilled = (url.match(/:\w+/g) ?? []).every((name) => name.slice(1) in parametersOf(nowhere))
  return canBeFilled && (method === 'GET' || method === 'HEAD' || `${method} ${url}` in ways)
}

export function answerOfThoseLetIn({ method, url }: ServedRoute): string {
  return ways[`${method} ${url}`]?.letIn ?? '200'
}

/** Calls the route as this person, and returns the status with the code of an error. A HEAD has no body with a code. */
export async function askRoute(to: Address, route: ServedRoute, asking: Asking): Promise<string> {
  const answer = await callRoute(to, route, asking)
  const text = await answer.text()
  if (answer.status < 400 || route.method === 'HEAD') return String(answer.status)
  return `${answer.status} ${(JSON.parse(text) as { code: string }).code}`
}

type Address = {
  service: TestService
  url: string
  /** The suffix of every path. */
  end?: string
}

/** The same, with the whole answer. */
export async function callRoute(
  { service, url: base, end = '' }: Address,
  { method, url }: ServedRoute,
  { authorization, place }: Asking,
): Promise<Response> {
  const way = ways[`${method} ${url}`]
  const options = (await way?.options(service, place)) ?? {}
  const params: Record<string, string> = { ...parametersOf(place), ...options.params }
  const path = url.replaceAll(/:(\w+)/g, (_colon, name: string) => params[name] ?? '')
  const { db } = service.app
  const members = db.selectFrom('firm_users').selectAll().where('firm_id', '=', place.firmId)
  const before = way?.endsMembership === true ? await members.execute() : []
  const answer = await fetch(`${base}${path}${end}${options.query ?? ''}`, {
    method,
    redirect: 'manual',
    ...contentOf(options, { ...options.headers, ...(authorization !== undefined && { authorization }) }),
  })
  if (before.length > 0)
    await db
      .insertInto('firm_users')
      .values(before)
      .onConflict((conflict) => conflict.column('id').doNothing())
      .execute()
  return answer
}

function contentOf({ json, form, file }: Options, headers: Record<string, string>): RequestInit {
  if (file !== undefined) return { body: Uint8Array.from(file), headers }
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
    document_id: place.documentId,
    delivery_id: randomUUID(),
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

/** A similar document of the same uploader, for a call that changes it. In a locked firm nothing is changed. */
async function ownDocument({ url }: TestService, place: Place): Promise<Options> {
  if (place.isLocked) return {}
  const options = place.documentId === place.confidentialId ? confidentialFile : {}
  const { id } = await uploadDocument(url, place.firmId, place.uploader, options)
  return { params: { id } }
}

function formWithFile(): FormData {
  const form = new FormData()
  form.append('file', new Blob([Uint8Array.from(makePdf())], { type: 'application/pdf' }), 'licence.pdf')
  return form
}

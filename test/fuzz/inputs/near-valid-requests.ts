import * as fc from 'fast-check'

import { type Asker, askers } from '../scene/fuzz-scene.ts'
import { jsonLike, type Schema, type Schemas } from './near-valid-json.ts'
import { type Header, headerOf, oddHeader, oneLine } from './odd-headers.ts'
import { mostly, oddText, sceneValue } from './odd-text.ts'

export const aForm = 'a form with a file'

type Parameter = { name: string; in: string; required?: boolean; schema: Schema }
export type Operation = {
  method: string
  path: string
  parameters: Parameter[]
  /** By media type. */
  bodies: Record<string, Schema>
}

/** A request, with ⟦names⟧ for values of the scene. */
export type Request = {
  asker: Asker
  method: string
  target: string
  headers: Header[]
  /** `aForm` is replaced by a form. */
  body: string
  /** Bytes of the body that are replaced at the end by invalid UTF-8. */
  spoiled: { at: number; to: number }[]
}

type Described = { parameters?: Parameter[]; requestBody?: { content: Record<string, { schema?: Schema }> } }
export type ApiDescription = { paths: Record<string, Record<string, Described>>; components: { schemas: Schemas } }

/** The operations of the service's own description. */
export function operationsOf({ paths }: ApiDescription): Operation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody }]) => ({
      method: method.toUpperCase(),
      path,
      parameters,
      bodies: Object.fromEntries(
        Object.entries(requestBody?.content ?? {}).map(([type, { schema = {} }]) => [type, schema]),
      ),
    })),
  )
}

/** Near-valid requests to each operation, generated from its description, so that a new operation is included. */
export function nearValidRequests(api: ApiDescription): fc.Arbitrary<Request> {
  const each = operationsOf(api).map((operation) => ({
    // Hashing a password takes as long as fifty other answers.
    weight: JSON.stringify([operation.path, operation.bodies]).match(/login|Registration/) === null ? 4 : 1,
    arbitrary: requestsTo(operation, api.components.schemas),
  }))
  return fc.oneof(...each)
}

function requestsTo(operation: Operation, schemas: Schemas): fc.Arbitrary<Request> {
  return fc
    .record({
      asker: mostly(3, fc.constantFrom<Asker>('member', 'administrator'), fc.constantFrom(...askers)),
      method: mostly(
        30,
        fc.constant(operation.method),
        fc.constantFrom('HEAD', 'OPTIONS', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'QUERY'),
      ),
      target: targetOf(operation),
      sent: bodyOf(operation, schemas),
      spoiled: mostly(
        15,
        fc.constant<Request['spoiled']>([]),
        fc.array(fc.record({ at: fc.nat(4000), to: fc.nat(255) }), { minLength: 1, maxLength: 3 }),
      ),
      named: fc.tuple(...operation.parameters.filter((each) => each.in === 'header').map(({ name }) => headerOf(name))),
      more: mostly(1, fc.constant<Header[]>([]), fc.array(oddHeader, { maxLength: 4 })),
    })
    .chain(({ asker, method, target, spoiled, named, more, sent: { type, body } }) =>
      authorizationOf(asker).map((authorization) => ({
        asker,
        method,
        target,
        body,
        spoiled,
        headers: [...authorization, ...type, ...named.flat(), ...more],
      })),
    )
}

function authorizationOf(asker: Asker): fc.Arbitrary<Header[]> {
  const right: Header[] = asker === 'nobody' ? [] : [['Authorization', `Bearer ⟦access.${asker}⟧`]]
  const secrets = sceneValue('access.member', 'access.administrator', 'refresh', 'link', 'next.documents')
  const odd = fc
    .record({
      scheme: fc.constantFrom('Bearer ', 'bearer ', 'Bearer  ', 'Basic ', 'Bearer', '', 'Bearer a '),
      secret: fc.oneof(secrets, oddText),
    })
    .map(({ scheme, secret }): Header[] => [['Authorization', `${scheme}${oneLine(secret)}`]])
  return mostly(15, fc.constant(right), odd)
}

/** A map, because some tested names are properties of every object. */
const valuesOfParameters = new Map<string, fc.Arbitrary<string>>(
  Object.entries({
    firm_id: mostly(6, fc.constant('⟦firm⟧'), sceneValue('firm', 'other.firm')),
    id: mostly(6, fc.constant('⟦document⟧'), sceneValue('document', 'second.document', 'firm')),
    user_id: sceneValue('guard', 'member', 'stranger', 'administrator'),
    n: fc.constantFrom('1', '2', '3', '01', '1.0', '1e0', ' 1', '0x1', '2147483647', '2147483648'),
    token: sceneValue('link', 'access.member', 'refresh', 'next.documents'),
    document_type: fc.constantFrom('tax_clearance', 'registration_certificate', 'TAX_CLEARANCE', 'no_such'),
    cursor: sceneValue('next.documents', 'next.versions', 'next.events', 'link', 'refresh'),
    limit: fc.constantFrom('1', '2', '200', '201', '0', '1.5', '1e2', '0x10', ' 1 '),
    include: fc.constantFrom('deleted', 'Deleted', 'all'),
    disposition: fc.constantFrom('inline', 'attachment', 'none'),
    all: fc.constantFrom('true', 'false', '1'),
  }),
)

function valueOf({ name, schema }: Parameter): fc.Arbitrary<string> {
  const listed = (schema.enum ?? []).map(String)
  const defaults =
    valuesOfParameters.get(name) ??
    (listed.length > 0 ? fc.constantFrom(...listed) : fc.constantFrom('⟦document⟧', '1', 'true', '2026-11-24'))
  return mostly(12, defaults, oddText)
}

/** Encoded as an address requires, or not encoded, as some programs send it. */
function written(text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const raw = text.map((each) => each.replaceAll(/[\s\p{Cc}\p{Cs}#?&]/gu, '+'))
  const twice = text.map((each) => escape(escape(each)))
  return mostly(24, text.map(escape), raw, twice)
}

/** Every byte except the plainest as a number. A ⟦name⟧ stays for the scene. */
function escape(text: string): string {
  return text
    .split(/(⟦[^⟧]*⟧)/)
    .map((piece) => (piece.startsWith('⟦') ? piece : encodeURIComponent(piece.toWellFormed())))
    .join('')
}

function targetOf({ path, parameters }: Operation): fc.Arbitrary<string> {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  const values = inPath.map((name) =>
    written(valueOf(parameters.find((each) => each.name === name) ?? { name, in: 'path', schema: {} })),
  )
  const ending = mostly(24, fc.constant(''), fc.constantFrom('/', '//', '/.', '/..', '%2f', ';a=b', '#x'))
  return fc
    .record({ values: fc.tuple(...values), ending, query: queryOf(parameters.filter((each) => each.in === 'query')) })
    .map(({ values: given, ending: last, query }) => {
      const filled = inPath.reduce((made, name, index) => made.replace(`{${name}}`, () => given[index] ?? ''), path)
      return `${filled}${last}${query}`
    })
}

function queryOf(parameters: Parameter[]): fc.Arbitrary<string> {
  const required = parameters.filter((each) => each.required === true).map((each) => fieldOf(each.name, each))
  const names = [...parameters.map(({ name }) => name), '__proto__', 'constructor', 'a']
  const field = fc
    .record({
      parameter: parameters.length === 0 ? fc.constant(undefined) : fc.constantFrom(...parameters),
      other: fc.constantFrom(...names),
    })
    .chain(({ parameter, other }) =>
      fieldOf(parameter?.name ?? other, parameter ?? { name: other, in: 'query', schema: {} }),
    )
  const broken = fc.constantFrom('%', '&&', '=', '?', 'a', 'a=%zz', '%00=1', 'limit=%', 'limit=1&limit=2', 'a[b][c]=1')
  const more = fc.array(mostly(6, field, broken), { maxLength: 3 })
  return fc
    .record({ required: fc.tuple(...required), more, keeps: fc.integer({ min: 0, max: 9 }) })
    .map(({ required: first, more: rest, keeps }) => [...(keeps === 0 ? [] : first), ...rest].join('&'))
    .map((query) => (query === '' ? '' : `?${query}`))
}

function fieldOf(name: string, parameter: Parameter): fc.Arbitrary<string> {
  const asList = mostly(9, fc.constant(''), fc.constantFrom('[]', '[0]', '%5B%5D', '.x', '[a]'))
  return fc
    .record({ asList, value: written(valueOf(parameter)) })
    .map(({ asList: list, value }) => `${name}${list}=${value}`)
}

type Body = { type: Header[]; body: Request['body'] }

function bodyOf({ bodies }: Operation, schemas: Schemas): fc.Arbitrary<Body> {
  const { 'multipart/form-data': form, 'application/json': json } = bodies
  const none: Body = { type: [], body: '' }
  if (form !== undefined)
    return fc.constant<Body>({
      type: [['Content-Type', 'multipart/form-data; boundary=cut']],
      body: aForm,
    })
  const text = json === undefined ? fc.constantFrom('', '{}', 'null') : jsonLike(json, schemas)
  const type = mostly(
    12,
    fc.constant('application/json'),
    fc.constantFrom(
      'application/json; charset=utf-16',
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data',
      'application/JSON;',
      'text/json',
      '*/*',
      'a',
      '',
    ),
  )
  const some = fc
    .record({ type, body: text })
    .map(({ type: kind, body }): Body => ({ type: [['Content-Type', kind]], body }))
  return fc.oneof(
    { weight: json === undefined ? 1 : 12, arbitrary: some },
    { weight: json === undefined ? 9 : 1, arbitrary: fc.constant(none) },
  )
}

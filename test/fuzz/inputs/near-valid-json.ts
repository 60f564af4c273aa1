import * as fc from 'fast-check'

import { mostly, oddText, sceneValue } from './odd-text.ts'

/** The part of JSON Schema that the description of the API uses. */
export type Schema = {
  $ref?: string
  type?: string | string[]
  format?: string
  enum?: unknown[]
  const?: unknown
  example?: unknown
  anyOf?: Schema[]
  items?: Schema
  properties?: Record<string, Schema>
  required?: string[]
}
export type Schemas = Record<string, Schema>

/** Values that match no schema here, as JSON text, including text that JSON.stringify never writes. */
const oddJson = fc.oneof(
  fc.constantFrom('null', 'true', '[]', '{}', '0', '-1', '1.5', '1e999', '-1e999', '2147483648', '9007199254740993'),
  fc.constantFrom('1e-400', '0.1e1', '"\\ud800"', '"\\u0000"', '"a\\u0000b"', '[null]', '[[[]]]', '{"a":{"b":1}}', ''),
  fc.constant('['.repeat(3000) + ']'.repeat(3000)),
  oddText.map((text) => JSON.stringify(text)),
  fc.json(),
)

/** The text of a value that matches the schema, or almost matches it. */
export function jsonLike(schema: Schema, schemas: Schemas): fc.Arbitrary<string> {
  const valid = validJson(schema, schemas)
  const broken = fc
    .record({ json: valid, at: fc.nat(), by: fc.constantFrom('', '}', '"', ',', '\\', '\0', '//', '\uFEFF', 'é') })
    .map(
      ({ json, at, by }) => `${json.slice(0, at % (json.length + 1))}${by}${json.slice((at % (json.length + 1)) + 1)}`,
    )
  return fc.oneof({ weight: 12, arbitrary: valid }, { weight: 2, arbitrary: broken }, { weight: 1, arbitrary: oddJson })
}

function validJson(schema: Schema, schemas: Schemas, name = ''): fc.Arbitrary<string> {
  const { $ref, anyOf, properties } = schema
  if ($ref !== undefined) return validJson(schemas[$ref.split('/').at(-1) ?? ''] ?? {}, schemas, name)
  if (anyOf !== undefined) return fc.oneof(...anyOf.map((each) => validJson(each, schemas, name)))
  if (properties !== undefined) return objectLike(schema, properties, schemas)
  if (schema.items !== undefined)
    return fc.array(validJson(schema.items, schemas), { maxLength: 4 }).map((each) => `[${each.join()}]`)
  return scalarLike(schema, name)
}

function scalarLike({ type, format, enum: values, const: only, example }: Schema, name: string): fc.Arbitrary<string> {
  if (values !== undefined) return fc.constantFrom(...values.map((value) => JSON.stringify(value)))
  if (only !== undefined) return fc.constant(JSON.stringify(only))
  const kinds = new Set([type].flat())
  if (kinds.has('boolean')) return fc.constantFrom('true', 'false')
  if (kinds.has('integer') || kinds.has('number')) return fc.constantFrom('1', '100', '2147483647', '2147483648')
  if (kinds.has('null') && kinds.size === 1) return fc.constant('null')
  const known = knownText(name, format)
  const shown = example === undefined ? [] : [fc.constant(JSON.stringify(example))]
  return fc.oneof(...known.map(quoted), ...shown, quoted(fc.constantFrom('Umkhonto', 'a', '2026-11-24')))
}

const quoted = (text: fc.Arbitrary<string>) => text.map((each) => JSON.stringify(each))

/** An existing value, if the name of the field says which. */
function knownText(name: string, format: string | undefined): fc.Arbitrary<string>[] {
  if (name === 'email') return [sceneValue('e-mail.guard', 'e-mail.stranger', 'e-mail.administrator')]
  if (name.includes('token')) return [sceneValue('refresh', 'access.member', 'link')]
  if (format === 'uuid') return [sceneValue('document', 'firm', 'guard', 'stranger')]
  if (format === 'date') return [fc.constantFrom('2027-01-31', '0000-01-01', '0001-01-01', '9999-12-31', '2024-02-29')]
  return []
}

/** The properties, with one or two missing, unusual or duplicated, and sometimes an unknown one. */
function objectLike(
  { required = [] }: Schema,
  properties: Record<string, Schema>,
  schemas: Schemas,
): fc.Arbitrary<string> {
  const sound = Object.entries(properties).map(([name, schema]) =>
    fc
      .record({
        json: validJson(schema, schemas, name),
        isThere: required.includes(name) ? fc.constant(true) : fc.boolean(),
      })
      .map(({ json, isThere }) => (isThere ? [`${JSON.stringify(name)}:${json}`] : [])),
  )
  const names = [
    ...Object.keys(properties),
    '__proto__',
    'constructor',
    'firm_id',
    'scan_status',
    'is_verified',
    'role',
  ]
  const odd = fc
    .record({ name: mostly(9, fc.constantFrom(...names), oddText), json: oddJson })
    .map(({ name, json }) => `${JSON.stringify(name)}:${json}`)
  const oddities = fc.oneof(
    { weight: 2, arbitrary: fc.constant<string[]>([]) },
    { weight: 3, arbitrary: fc.array(odd, { minLength: 1, maxLength: 2 }) },
  )
  const left = fc.option(fc.nat(Math.max(0, sound.length - 1)), { nil: undefined, freq: 6 })
  return fc
    .record({ sound: fc.tuple(...sound), oddities, left })
    .map(({ sound: fields, oddities: more, left: gone }) => {
      const kept = fields.filter((_field, index) => gone === undefined || index !== gone || more.length > 0)
      // Of two properties with one name, the later counts.
      return `{${[...kept.flat(), ...more].join(',')}}`
    })
}

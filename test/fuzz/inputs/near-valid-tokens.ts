import { createHmac, generateKeyPairSync, sign } from 'node:crypto'

import * as fc from 'fast-check'

import { mostly, oddText } from './odd-text.ts'

/** The parts of a token, with ⟦names⟧ for values of the scene. */
export type Token = { header: string; claims: string; signature: Signature; ending: string }

const signatures = [
  'right',
  'of another secret',
  'HS384',
  'HS512',
  'RS256',
  'ES256',
  'none',
  'odd',
  'of the header alone',
] as const
type Signature = (typeof signatures)[number]

type Claim = [name: string, json: string]

/** Other values of a claim: another type, an invalid number, a distant time. */
const oddValue: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom('null', 'true', '[]', '{}', '""', '0', '-1', '1.5', '1e999', '-1e999', '1e20', '9007199254740993'),
  fc.constantFrom(
    '"4102444800"',
    '["access"]',
    '["⟦member⟧"]',
    '{"a":1}',
    '"ACCESS"',
    '"refresh"',
    '"⟦administrator⟧ "',
  ),
  fc.constantFrom('"⟦stranger⟧"', '"⟦guard⟧"', '"00000000-0000-0000-0000-000000000000"', '4102444800'),
  oddText.map((text) => JSON.stringify(text)),
)

const defaultClaims: Claim[] = [
  ['sub', '"⟦member⟧"'],
  ['user_type', '"registered_user"'],
  ['email', '"⟦e-mail.member⟧"'],
  ['token_type', '"access"'],
  ['iat', '1700000000'],
  ['exp', '4102444800'],
  ['jti', '"0198c0de-7a5e-4b6e-9d57-2f0c9f3a1b2c"'],
]
const otherNames = ['nbf', 'aud', 'iss', 'sid', 'permissions', 'firm_id', 'role', '__proto__', 'crit', 'purpose', 'key']
const headerNames = ['alg', 'typ', 'kid', 'crit', 'b64', 'jwk', 'jku', 'x5u', 'x5c', 'zip', 'cty', '__proto__']

const oddHeaderValue = fc.oneof(
  fc.constantFrom(
    '"none"',
    '"None"',
    '"hs256"',
    '"HS512"',
    '"RS256"',
    '"ES256"',
    '"HS256 "',
    'null',
    '""',
    '["HS256"]',
  ),
  fc.constantFrom(
    'false',
    'true',
    '["b64"]',
    '["exp"]',
    '{"kty":"oct","k":"AA"}',
    '"http://127.0.0.1:1/keys"',
    '"../../dev/null"',
  ),
  oddValue,
)

/** Objects in valid and invalid JSON: with a duplicate name, or an additional comma. */
function objectOf(defaults: Claim[], names: string[], value: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const odd = fc.tuple(fc.constantFrom(...defaults.map(([name]) => name), ...names), value)
  return fc
    .record({
      odd: fc.array(odd, { maxLength: 2 }),
      left: fc.option(fc.nat(defaults.length - 1), { nil: undefined, freq: 8 }),
      isTwice: fc.boolean(),
      broken: mostly(14, fc.constant(undefined), fc.constantFrom(',', '}', '\0', 'é', ' ')),
    })
    .map(({ odd: oddities, left, isTwice, broken }) => {
      const replaced = new Set(oddities.map(([name]) => name))
      const kept = defaults.filter(([name], index) => index !== left && (isTwice || !replaced.has(name)))
      const fields = [...kept, ...oddities].map(([name, json]) => `${JSON.stringify(name)}:${json}`)
      return `{${fields.join(',')}${broken ?? ''}}`
    })
}

export const nearValidToken: fc.Arbitrary<Token> = fc.record({
  header: objectOf(
    [
      ['alg', '"HS256"'],
      ['typ', '"JWT"'],
    ],
    headerNames,
    oddHeaderValue,
  ),
  claims: objectOf(defaultClaims, otherNames, oddValue),
  signature: mostly(10, fc.constant<Signature>('right'), fc.constantFrom(...signatures)),
  ending: mostly(10, fc.constant(''), fc.constantFrom('.', '.a', '=', '\\', 'A', '..', ' ')),
})

const { privateKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const { privateKey: ec } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** The token as it is sent. */
export function writeToken({ header, claims, signature, ending }: Token, secret: string): string {
  const signed = [header, claims].map((part) => Buffer.from(part).toString('base64url')).join('.')
  return `${signed}.${sealOf(signature, signed, secret)}${ending}`
}

function sealOf(signature: Signature, signed: string, secret: string): string {
  const hmac = (hash: string, key: string, text = signed) => createHmac(hash, key).update(text).digest('base64url')
  switch (signature) {
    case 'right':
      return hmac('sha256', secret)
    case 'of another secret':
      return hmac('sha256', 'another')
    case 'HS384':
      return hmac('sha384', secret)
    case 'HS512':
      return hmac('sha512', secret)
    case 'RS256':
      return sign('sha256', Buffer.from(signed), rsa).toString('base64url')
    case 'ES256':
      return sign('sha256', Buffer.from(signed), { key: ec, dsaEncoding: 'ieee-p1363' }).toString('base64url')
    case 'of the header alone':
      return hmac('sha256', secret, signed.split('.')[0])
    case 'odd':
      return '*'.repeat(43)
    case 'none':
      return ''
  }
}

/**
 * The owner of the token if it may be accepted; undefined if it must be rejected. Decided only by the contract: HS256
 * with the shared secret, and an unexpired access token with a person.
 */
export function mayBeOf({ header, claims, signature, ending }: Token): string | undefined {
  const [head, said] = [parsed(header), parsed(claims)]
  const isSigned = signature === 'right' && head?.['alg'] === 'HS256' && changesNothing.has(ending)
  const isOfAccess = isSigned && said?.['token_type'] === 'access' && isToCome(said['exp'])
  return isOfAccess && typeof said['sub'] === 'string' ? said['sub'] : undefined
}

function isToCome(time: unknown): boolean {
  return typeof time === 'number' && Number.isFinite(time) && time * 1000 > Date.now()
}

/** Blanks around a header's value and padding of the last character are not part of it. */
const changesNothing = new Set(['', ' ', '='])

/** A completely valid token, which must be accepted. */
export function isUsual({ header, claims, signature, ending }: Token): boolean {
  const defaults = `{${defaultClaims.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`
  return signature === 'right' && ending === '' && header === '{"alg":"HS256","typ":"JWT"}' && claims === defaults
}

function parsed(json: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(json) as Record<string, unknown> // an object was written
  } catch {
    return undefined
  }
}

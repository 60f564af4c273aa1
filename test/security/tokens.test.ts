import { createHmac, generateKeyPairSync, randomUUID } from 'node:crypto'

import { exportJWK, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { problemOf } from '../support/documents/call-documents.ts'
import { addMember, makeFirm, makePerson, type Person } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'

const secret = 'a secret that this service shares with the platform'
const key = new TextEncoder().encode(secret)

let service: TestService
let person: Person
let firm: string
beforeAll(async () => {
  service = await startService({ JWT_SECRET_KEY: secret })
  person = await makePerson(service.app)
  const firmId = await makeFirm(service.app)
  await addMember(service.app, firmId, person, { role: 'field_staff' })
  firm = firmId
})
afterAll(async () => service.stop())

const seconds = () => Math.floor(Date.now() / 1000)

/** The claims that the platform signs. */
function platformClaims(claims: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    sub: person.id,
    user_type: 'registered_user',
    email: person.email,
    token_type: 'access',
    iat: seconds(),
    exp: seconds() + 900,
    jti: randomUUID(),
    ...claims,
  }
}

function claimsWithout(name: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(platformClaims()).filter(([each]) => each !== name))
}

function signed(claims: Record<string, unknown>, header: Record<string, unknown> = {}, by: Uint8Array = key) {
  return new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ: 'JWT', ...header }).sign(by)
}

/** Signs a token by hand, because a library would refuse these claims. */
function forged(header: object, claims: object, signature: (text: string) => string): string {
  const text = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${text}.${signature(text)}`
}

/** With claims as text, which JSON would write differently. */
function byHand(claims: string): string {
  const text = ['{"alg":"HS256"}', claims].map((part) => Buffer.from(part).toString('base64url')).join('.')
  return `${text}.${hmac('sha256', secret)(text)}`
}

function ask(path: string, token: string, scheme = 'Bearer'): Promise<Response> {
  return fetch(`${service.url}/api/v1${path}`, { headers: { authorization: `${scheme} ${token}` } })
}

const hmac = (algorithm: string, by: string | Uint8Array) => (text: string) =>
  createHmac(algorithm, by).update(text).digest('base64url')

describe('a token is rejected', () => {
  const keyPair = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const publicPem = keyPair.publicKey.export({ type: 'spki', format: 'pem' })

  const refused: [string, () => string | Promise<string>][] = [
    ['that is not signed (alg none)', () => new UnsecuredJWT(platformClaims()).encode()],
    ['with alg "None" and no signature', () => forged({ alg: 'None' }, platformClaims(), () => '')],
    ['with alg none and a right signature', () => forged({ alg: 'none' }, platformClaims(), hmac('sha256', secret))],
    ['without an alg', () => forged({ typ: 'JWT' }, platformClaims(), hmac('sha256', secret))],
    [
      'signed with HS512 and our secret',
      () => signed(platformClaims(), { alg: 'HS512' }, new TextEncoder().encode(secret.repeat(2))),
    ],
    [
      'by HS512, the secret itself as its key',
      () => forged({ alg: 'HS512' }, platformClaims(), hmac('sha512', secret)),
    ],
    [
      'by HS384, the secret itself as its key',
      () => forged({ alg: 'HS384' }, platformClaims(), hmac('sha384', secret)),
    ],
    [
      'that says RS256, our secret as the public key',
      () => forged({ alg: 'RS256' }, platformClaims(), hmac('sha256', secret)),
    ],
    [
      'signed with RS256 by a key of its own',
      () => new SignJWT(platformClaims()).setProtectedHeader({ alg: 'RS256' }).sign(keyPair.privateKey),
    ],
    [
      'that brings its own key along',
      async () =>
        new SignJWT(platformClaims())
          .setProtectedHeader({ alg: 'RS256', jwk: await exportJWK(keyPair.publicKey) })
          .sign(keyPair.privateKey),
    ],
    [
      'that says where its key lies',
      () =>
        signed(
          platformClaims(),
          { jku: `${service.url}/key`, kid: '../../dev/null' },
          new TextEncoder().encode('x'.repeat(40)),
        ),
    ],
    [
      'signed with a public key as if it were a secret',
      () => forged({ alg: 'HS256' }, platformClaims(), hmac('sha256', publicPem)),
    ],
    ['signed with another secret', () => signed(platformClaims(), {}, new TextEncoder().encode(`${secret}!`))],
    ['signed with nothing', () => forged({ alg: 'HS256' }, platformClaims(), hmac('sha256', ''))],
    [
      'whose claims were changed after it was signed',
      async () => {
        const [header, , signature] = (await signed(platformClaims())).split('.')
        const other = Buffer.from(JSON.stringify(platformClaims({ sub: randomUUID() }))).toString('base64url')
        return `${header}.${other}.${signature}`
      },
    ],
    ['that never expires (no exp)', () => signed(claimsWithout('exp'))],
    ['whose exp is no number', () => signed(platformClaims({ exp: 'tomorrow' }))],
    [
      'that would never expire (an exp too large to be a number)',
      () => byHand(JSON.stringify(platformClaims({ exp: 0 })).replace('"exp":0', '"exp":1e999')),
    ],
    ['that has expired', () => signed(platformClaims({ iat: seconds() - 1000, exp: seconds() - 1 }))],
    ['that expired a second and a half ago', () => signed(platformClaims({ exp: Date.now() / 1000 - 1.5 }))],
    ['that is not valid yet', () => signed(platformClaims({ nbf: seconds() + 600 }))],
    ['without a token_type', () => signed(claimsWithout('token_type'))],
    ['that is a refresh token', () => signed(platformClaims({ token_type: 'refresh' }))],
    ['whose token_type is a list', () => signed(platformClaims({ token_type: ['access'] }))],
    ['without a sub', () => signed(claimsWithout('sub'))],
    ['whose sub is no UUID', () => signed(platformClaims({ sub: '1 or 1=1' }))],
    ['whose sub is an e-mail address', () => signed(platformClaims({ sub: person.email }))],
    ['whose sub is a list', () => signed(platformClaims({ sub: [person.id] }))],
    ['of somebody who is nobody here', () => signed(platformClaims({ sub: randomUUID() }))],
    [
      'that asks for an extension that we do not know',
      () => forged({ alg: 'HS256', crit: ['exp'], exp: 1 }, platformClaims(), hmac('sha256', secret)),
    ],
    ['whose crit is empty', () => forged({ alg: 'HS256', crit: [] }, platformClaims(), hmac('sha256', secret))],
    [
      'whose claims are said not to be encoded',
      () => forged({ alg: 'HS256', crit: ['b64'], b64: false }, platformClaims(), hmac('sha256', secret)),
    ],
    ['that names several algs', () => forged({ alg: ['HS256'] }, platformClaims(), hmac('sha256', secret))],
    ['that writes its alg in small letters', () => forged({ alg: 'hs256' }, platformClaims(), hmac('sha256', secret))],
    ['whose sub is a UUID in another form', () => signed(platformClaims({ sub: `urn:uuid:${person.id}` }))],
    ['whose nbf is no number', () => signed(platformClaims({ nbf: 'now' }))],
    ['that is no JSON', () => `e30.${Buffer.from('{').toString('base64url')}.x`],
    ['in five parts', () => 'a.b.c.d.e'],
    ['of 10 KB', () => 'x'.repeat(10_000)],
  ]

  it.each(refused)('%s', async (_what, make) => {
    const answer = await ask(`/security-firms/${firm}/documents`, await make())

    const { code } = await problemOf(answer)
    expect([answer.status, code, answer.headers.get('www-authenticate')]).toEqual([401, 'unauthenticated', 'Bearer'])
  })
})

describe('a token of the platform', () => {
  it('is accepted with its usual claims, and with any others', async () => {
    const plain = await signed(platformClaims())
    const rich = await signed(
      platformClaims({
        permissions: ['documents:read', 'documents:write'],
        firm_id: firm,
        role: 'firm_admin',
        aud: 'platform',
        iss: 'https://platform.example',
        tenant: { id: 7 },
      }),
    )
    for (const token of [plain, rich, await signed(claimsWithout('jti')), await signed(claimsWithout('iat'))])
      expect((await ask(`/security-firms/${firm}/documents`, token)).status).toBe(200)
    expect((await ask(`/security-firms/${firm}/documents`, plain, 'bearer')).status).toBe(200)
  })

  it('that is too long gets an error with the reason', async () => {
    const answer = await ask('/auth/me', 'x'.repeat(20_000))
    const { code, detail } = await problemOf(answer)
    expect([answer.status, code, detail]).toEqual([400, 'bad_request', expect.stringContaining('16 KB')])
  })

  it('of another user_type is accepted too: the database decides about a person', async () => {
    for (const userType of ['registered_user', 'firm_personnel', 'admin', 'something new'])
      expect((await ask('/auth/me', await signed(platformClaims({ user_type: userType })))).status).toBe(200)
  })

  it('gives no right by its claims: no other firm, no role, no administration', async () => {
    const other = await makeFirm(service.app)
    const token = await signed(
      platformClaims({ user_type: 'admin', role: 'super_admin', firm_id: other, permissions: ['*'], is_admin: true }),
    )
    const asked = [
      await ask(`/security-firms/${other}/documents`, token),
      await ask(`/security-firms/${firm}/members`, token),
      await fetch(`${service.url}/api/v1/security-firms/${firm}`, {
        method: 'PATCH',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ is_locked: true }),
      }),
      await fetch(`${service.url}/api/v1/document-types`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ code: 'mine', name: 'Mine' }),
      }),
    ]

    const heard = await Promise.all(asked.map(async (answer) => `${answer.status} ${(await problemOf(answer)).code}`))
    expect(heard).toEqual(['403 not_a_member', '403 forbidden', '403 forbidden', '403 forbidden'])
    const me = (await (await ask('/auth/me', token)).json()) as { role: string }
    expect(me.role).toBe('user')
  })

  it('is accepted only in the one header: not in the address, a body or a cookie', async () => {
    const token = await signed(platformClaims())
    const path = `${service.url}/api/v1/security-firms/${firm}/documents`
    const answers = [
      await fetch(`${path}?access_token=${token}&token=${token}`),
      await fetch(path, { headers: { cookie: `access_token=${token}; paniq_refresh=${token}` } }),
      await fetch(path, { headers: { 'x-access-token': token } }),
      await fetch(path, { headers: { authorization: token } }),
      await fetch(path, { headers: { authorization: `Bearer ${token}, Bearer ${token}` } }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401])
  })
})

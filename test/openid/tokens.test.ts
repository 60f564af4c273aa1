import { sessionRow } from '../support/people/session-row.ts'
import { createHmac, randomUUID } from 'node:crypto'

import { type CryptoKey, exportSPKI, importJWK, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { problemOf } from '../support/documents/call-documents.ts'
import {
  makeProviderKey,
  type ProviderKey,
  startOpenIdProvider,
  type TestProvider,
} from '../support/people/openid-provider.ts'
import { addMember, makeFirm, makePerson, type Person } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'

const secret = 'a secret that this service shares with the platform'

let provider: TestProvider
let service: TestService
let person: Person
let firm: string
let elliptic: ProviderKey
beforeAll(async () => {
  provider = await startOpenIdProvider()
  elliptic = await makeProviderKey('ES256')
  provider.keys.push(elliptic)
  service = await startService({ JWT_SECRET_KEY: secret, ...provider.settings })
  person = await makePerson(service.app)
  const firmId = await makeFirm(service.app)
  await addMember(service.app, firmId, person, { role: 'field_staff' })
  firm = firmId
})
afterAll(async () => {
  await service.stop()
  await provider.stop()
})

const seconds = () => Math.floor(Date.now() / 1000)

/** The provider's claims about the person. */
function claims(extra: JWTPayload = {}): JWTPayload {
  return provider.claims({ sub: person.id, ...extra })
}

function claimsWithout(name: string): JWTPayload {
  return Object.fromEntries(Object.entries(claims()).filter(([each]) => each !== name))
}

/** Signs a token by hand, because a library would refuse these claims. */
function forged(header: object, payload: object, signature: (text: string) => string): string {
  const text = [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${text}.${signature(text)}`
}

const hmac = (by: string) => (text: string) => createHmac('sha256', by).update(text).digest('base64url')

function rsaKey(): ProviderKey {
  const key = provider.keys.find(({ alg }) => alg === 'RS256')
  if (key === undefined) throw new Error('the provider has no such key')
  return key
}

async function publicPem(): Promise<string> {
  const key = await importJWK(rsaKey().jwk, 'RS256', { extractable: true })
  if (key instanceof Uint8Array) throw new Error('this is no public key')
  return await exportSPKI(key)
}

function ask(token: string, path = `/security-firms/${firm}/documents`): Promise<Response> {
  return fetch(`${service.url}/api/v1${path}`, { headers: { authorization: `Bearer ${token}` } })
}

describe('a token of the provider is accepted', () => {
  it.each<[string, () => Promise<string>]>([
    ['signed with RS256', () => provider.sign(claims())],
    ['signed with ES256', () => provider.sign(claims(), { key: elliptic })],
    ['that says it is an access token', () => provider.sign(claims(), { typ: 'at+jwt' })],
    ['whose typ is written as a media type', () => provider.sign(claims(), { typ: 'application/AT+JWT' })],
    ['without a typ', () => provider.sign(claims(), { typ: undefined })],
    ['without a kid, where the provider has one key of its kind', () => provider.sign(claims(), { kid: undefined })],
    ['for several services, this one among them', () => provider.sign(claims({ aud: ['portal', 'paniq-documents'] }))],
    ['whose id is written in capitals', () => provider.sign(claims({ sub: person.id.toUpperCase() }))],
    ['by a clock that is a little ahead', () => provider.sign(claims({ iat: seconds() + 10, nbf: seconds() + 10 }))],
    [
      'with all that Keycloak writes into one',
      () => provider.sign(claims({ typ: 'Bearer', sid: randomUUID(), acr: '1', realm_access: { roles: ['admin'] } })),
    ],
    ['that says what Cognito says of one', () => provider.sign(claims({ token_use: 'access' }))],
    ['with a session of its own', () => provider.sign(claims({ sid: randomUUID() }))],
  ])('%s', async (_what, make) => {
    expect((await ask(await make())).status).toBe(200)
  })

  it('in addition to one of the platform', async () => {
    expect((await fetch(`${service.url}/api/v1/auth/me`, { headers: person.headers })).status).toBe(200)
  })

  it('without rights from its claims', async () => {
    const token = await provider.sign(
      claims({ user_type: 'admin', role: 'super_admin', is_admin: true, permissions: ['*'], roles: ['admin'] }),
    )
    const answer = await ask(token, `/security-firms/${firm}/members`)
    expect([answer.status, (await problemOf(answer)).code]).toEqual([403, 'forbidden'])
  })

  it('until its person is locked', async () => {
    const locked = await makePerson(service.app)
    const token = await provider.sign(claims({ sub: locked.id }))
    expect((await ask(token, '/auth/me')).status).toBe(200)
    await service.app.db.updateTable('registered_users').set({ is_locked: true }).where('id', '=', locked.id).execute()
    const answer = await ask(token, '/auth/me')
    expect([answer.status, (await problemOf(answer)).code]).toEqual([403, 'forbidden'])
  })
})

describe('a token is rejected', () => {
  const refused: [string, () => string | Promise<string>][] = [
    ['of another issuer', () => provider.sign(claims({ iss: 'https://login.example' }))],
    [
      'whose issuer ends in a slash, which the right one does not',
      () => provider.sign(claims({ iss: `${provider.issuer}/` })),
    ],
    ['without an issuer', () => provider.sign(claimsWithout('iss'))],
    ['for another service', () => provider.sign(claims({ aud: 'portal' }))],
    ['for a service whose name is like ours', () => provider.sign(claims({ aud: 'PANIQ-documents' }))],
    ['for nobody', () => provider.sign(claims({ aud: [] }))],
    ['without an audience', () => provider.sign(claimsWithout('aud'))],
    ['that never ends', () => provider.sign(claimsWithout('exp'))],
    ['that has ended', () => provider.sign(claims({ exp: seconds() - 1 }))],
    ['that is not valid for minutes to come', () => provider.sign(claims({ nbf: seconds() + 120 }))],
    ['that names nobody', () => provider.sign(claimsWithout('sub'))],
    ['that names an empty text', () => provider.sign(claims({ sub: '' }))],
    ['that names a person by their e-mail', () => provider.sign(claims({ sub: person.email }))],
    [
      'whose e-mail alone is a person’s',
      () => provider.sign(provider.claims({ email: person.email, email_verified: true })),
    ],
    ['of somebody whom no table knows', () => provider.sign(claims({ sub: randomUUID() }))],
    ['that names somebody with a NUL', () => provider.sign(claims({ sub: `${person.id}\0` }))],
    ['that names somebody with half a character', () => provider.sign(claims({ sub: 'a\ud800' }))],
    ['that names a list', () => provider.sign({ ...claims(), sub: [person.id] as unknown as string })],
    ['whose subject is longer than any', () => provider.sign(claims({ sub: 'x'.repeat(256) }))],
    ['that is an ID token by its hashes', () => provider.sign(claims({ at_hash: 'x' }))],
    ['that is an ID token of Keycloak', () => provider.sign(claims({ typ: 'ID' }))],
    ['that is a refresh token of Keycloak', () => provider.sign(claims({ typ: 'Refresh' }))],
    ['that is an ID token of Cognito', () => provider.sign(claims({ token_use: 'id' }))],
    ['that is a refresh token', () => provider.sign(claims({ token_type: 'refresh' }))],
    ['that announces a logout', () => provider.sign(claims({ events: {} }), { typ: 'logout+jwt' })],
    ['that is bound to a key', () => provider.sign(claims({ cnf: { jkt: 'x' } }))],
    ['of another typ', () => provider.sign(claims(), { typ: 'dpop+jwt' })],
    ['that is not signed', () => new UnsecuredJWT(claims()).encode()],
    ['with alg none and a kid', () => forged({ alg: 'none', kid: rsaKey().kid }, claims(), () => '')],
    [
      'signed by HS256 with the text of the public key',
      async () =>
        forged(
          { alg: 'HS256', kid: rsaKey().kid, typ: 'JWT' },
          claims({ token_type: 'access' }),
          hmac(await publicPem()),
        ),
    ],
    [
      'signed by HS256 with the public key as the provider publishes it',
      () =>
        forged(
          { alg: 'HS256', kid: rsaKey().kid },
          claims({ token_type: 'access' }),
          hmac(JSON.stringify(rsaKey().jwk)),
        ),
    ],
    [
      'that says RS256 and is signed with the secret of the platform',
      () => forged({ alg: 'RS256', kid: rsaKey().kid }, claims({ token_type: 'access' }), hmac(secret)),
    ],
    [
      'signed with RS512 by the provider’s key',
      async () => signedWith(rsaKey(), { alg: 'RS512', key: await rsaFor('SHA-512', 'RSASSA-PKCS1-v1_5') }),
    ],
    [
      'signed with PS256 by the provider’s key',
      async () => signedWith(rsaKey(), { alg: 'PS256', key: await rsaFor('SHA-256', 'RSA-PSS') }),
    ],
    [
      'signed by another key that takes the kid of the right one',
      async () => provider.sign(claims(), { key: await makeProviderKey('RS256', rsaKey().kid) }),
    ],
    ['with the kid of a key of another kind', () => provider.sign(claims(), { kid: elliptic.kid })],
    ['with a kid that is a path', () => provider.sign(claims(), { kid: '../../../../dev/null' })],
    ['with a kid that is SQL', () => provider.sign(claims(), { kid: "x' or '1'='1" })],
    ['with a kid that nobody has', () => provider.sign(claims(), { kid: randomUUID() })],
    ['that brings its own key along', async () => signedByStranger((key) => ({ jwk: key.jwk }))],
    ['that says where its key lies', async () => signedByStranger(() => ({ jku: `${provider.issuer}/stolen-keys` }))],
    [
      'that says where its certificate lies',
      async () => signedByStranger(() => ({ x5u: `${provider.issuer}/stolen-keys` })),
    ],
    ['that asks for an extension', async () => changedHeader({ crit: ['exp'], exp: 1 })],
    ['whose crit is empty', async () => changedHeader({ crit: [] })],
    [
      'whose claims were changed after it was signed',
      async () => {
        const [header, , signature] = (await provider.sign(claims())).split('.')
        return `${header}.${Buffer.from(JSON.stringify(claims({ sub: randomUUID() }))).toString('base64url')}.${signature}`
      },
    ],
    ['whose signature is missing', async () => (await provider.sign(claims())).replace(/[^.]*$/, '')],
  ]

  it.each(refused)('%s', async (_what, make) => {
    const answer = await ask(await make())
    const { code } = await problemOf(answer)
    expect([answer.status, code, answer.headers.get('www-authenticate')]).toEqual([401, 'unauthenticated', 'Bearer'])
  })

  it('and no address in it is followed', () => {
    expect(new Set(provider.asked)).toEqual(new Set([new URL(provider.settings.JWT_JWKS_URL).pathname]))
  })

  it('with the reason and the fix', async () => {
    const ended = await problemOf(await ask(await provider.sign(claims({ exp: seconds() - 1 }))))
    const elsewhere = await problemOf(await ask(await provider.sign(claims({ aud: 'portal' }))))
    const unlinked = await problemOf(await ask(await provider.sign(claims({ sub: 'auth0|7' }))))
    expect(ended.detail).toMatch(/expired/)
    expect(elsewhere.detail).toMatch(/not made for this service/)
    expect(unlinked.detail).toMatch(/administrator .*auth0\|7/)
  })
})

it('an unlinked subject is recorded in the audit trail', async () => {
  const subject = `stranger-${randomUUID()}`
  await ask(await provider.sign(claims({ sub: subject })))
  const events = await service.app.db
    .selectFrom('document_trail')
    .select(['outcome', 'actor_id', 'details', 'personal'])
    .where('action', '=', 'identity.refused')
    .execute()
  expect(events).toContainEqual({
    outcome: 'unauthenticated',
    actor_id: null,
    details: { issuer: provider.issuer },
    personal: expect.objectContaining({ subject }),
  })
})

it('a logout everywhere with a provider’s token ends the person’s sessions here', async () => {
  const leaving = await makePerson(service.app)
  await service.app.db.insertInto('document_sessions').values(sessionRow(leaving.id, new Date())).execute()
  const token = await provider.sign(claims({ sub: leaving.id }))
  const answer = await fetch(`${service.url}/api/v1/auth/logout?all=true`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  })
  const [session] = await service.app.db
    .selectFrom('document_sessions')
    .selectAll()
    .where('user_id', '=', leaving.id)
    .execute()
  expect([answer.status, session?.ended_at]).toEqual([204, expect.any(Date)])
})

function signedWith({ kid }: ProviderKey, { alg, key }: { alg: string; key: CryptoKey }): Promise<string> {
  return new SignJWT(claims()).setProtectedHeader({ alg, kid }).sign(key)
}

/** The provider's own key, used with another algorithm. */
async function rsaFor(hash: string, name: string): Promise<CryptoKey> {
  const jwk = await crypto.subtle.exportKey('jwk', rsaKey().privateKey)
  const { alg: _alg, key_ops: _operations, ...rest } = jwk
  return await crypto.subtle.importKey('jwk', rest, { name, hash }, false, ['sign'])
}

async function signedByStranger(headerOf: (key: ProviderKey) => object): Promise<string> {
  const key = await makeProviderKey('RS256', rsaKey().kid)
  return await provider.sign(claims(), { key, ...headerOf(key) })
}

/** A valid signature over a header that a library would not write. */
async function changedHeader(extra: object): Promise<string> {
  const { kid, privateKey } = rsaKey()
  const text = [{ alg: 'RS256', kid, ...extra }, claims()]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  const signature = await crypto.subtle.sign('RSASSA-PKCS1-v1_5', privateKey, Buffer.from(text))
  return `${text}.${Buffer.from(signature).toString('base64url')}`
}

import { generateKeyPairSync, randomUUID } from 'node:crypto'

import { type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { describe, expect, it } from 'vitest'

import type { UserId } from '../../vocabulary/vocabulary.ts'
import { checkAccessToken, signAccessToken } from './access-token.ts'
import { signRefreshToken } from './issue-tokens.ts'
import { importAccessKey, deriveKey } from './token-keys.ts'

const secret = 'a secret that the platform has too, of some length'
const noon = new Date('2026-11-24T12:00:00Z')
const noonSeconds = noon.getTime() / 1000
const needs = { accessKey: await importAccessKey(secret), now: () => noon }
const id = randomUUID() as UserId

const platformClaims = {
  sub: id,
  user_type: 'registered_user',
  email: 'thandi@bluecrane.example',
  token_type: 'access',
  iat: noonSeconds,
  exp: noonSeconds + 60,
  jti: randomUUID(),
}

function sign(claims: JWTPayload, { key = secret, alg = 'HS256' } = {}): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg }).sign(new TextEncoder().encode(key))
}

it('our own token identifies its person, and has the claims of the platform’s clients', async () => {
  const token = await signAccessToken(needs, { id, email: 'thandi@bluecrane.example', userType: 'admin' })
  expect(await checkAccessToken(needs, token)).toEqual({ userId: id, sessionId: undefined, apiKeyId: undefined })
  const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  expect(claims).toEqual({
    sub: id,
    user_type: 'admin',
    email: 'thandi@bluecrane.example',
    token_type: 'access',
    iat: noonSeconds,
    exp: noonSeconds + 900,
    jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
  })
})

describe('a token of the platform is accepted', () => {
  it.each([
    ['of a registered user', {}],
    ['of an administrator', { user_type: 'admin' }],
    [
      'of a firm’s personnel with permissions',
      { user_type: 'firm_personnel', permissions: ['x'], firm_id: 'f', role: 'super_admin' },
    ],
    ['with a session of another kind', { sid: 'abc' }],
    ['with an id in capitals', { sub: id.toUpperCase() }],
  ])('%s', async (_, extra) => {
    const claims = await checkAccessToken(needs, await sign({ ...platformClaims, ...extra }))
    expect(claims).toEqual({ userId: id, sessionId: undefined, apiKeyId: undefined })
  })
})

describe('a token is rejected', () => {
  const { exp, ...endless } = platformClaims
  const { sub: _nobody, ...nobodys } = platformClaims
  const { token_type: _kind, ...kindless } = platformClaims

  it.each<[string, () => string | Promise<string>, RegExp]>([
    ['that has expired', () => sign({ ...platformClaims, exp: noonSeconds }), /expired/],
    ['that never ends', () => sign(endless), /not valid/],
    ['that names nobody', () => sign(nobodys), /not valid/],
    ['that names no id', () => sign({ ...platformClaims, sub: 'admin' }), /not an access token/],
    ['that is not valid yet', () => sign({ ...platformClaims, nbf: noonSeconds + 5, exp: exp + 60 }), /not valid/],
    ['of no kind', () => sign(kindless), /not an access token/],
    ['of the platform’s refresh kind', () => sign({ ...platformClaims, token_type: 'refresh' }), /not an access token/],
    ['signed with another key', () => sign(platformClaims, { key: 'some other secret of some length' }), /not valid/],
    ['signed with HS512', () => sign(platformClaims, { alg: 'HS512' }), /not valid/],
    ['signed with RS256', () => signedWithRsa(platformClaims), /not valid/],
    ['without a signature', () => new UnsecuredJWT(platformClaims).encode(), /not valid/],
    ['whose claims were changed', async () => changed(await sign(platformClaims)), /not valid/],
    ['that is no token', () => 'abc', /not valid/],
    ['that is our refresh token', () => ourRefreshToken(), /not valid/],
    ['with a key of another purpose', async () => await signedForLinks(), /not valid/],
  ])('%s', async (_, make, reason) => {
    await expect(checkAccessToken(needs, await make())).rejects.toMatchObject({
      code: 'unauthenticated',
      message: expect.stringMatching(reason),
    })
  })

  it('and the answer never contains it', async () => {
    const token = await sign({ ...platformClaims, exp: noonSeconds - 1 })
    await expect(checkAccessToken(needs, token)).rejects.not.toMatchObject({ message: expect.stringContaining(token) })
  })
})

function signedWithRsa(claims: JWTPayload): Promise<string> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return new SignJWT(claims).setProtectedHeader({ alg: 'RS256' }).sign(privateKey)
}

function changed(token: string): string {
  const [header, , signature] = token.split('.')
  const claims = Buffer.from(JSON.stringify({ ...platformClaims, sub: randomUUID() })).toString('base64url')
  return `${header}.${claims}.${signature}`
}

function ourRefreshToken(): Promise<string> {
  const record = { id: randomUUID(), userId: id, issuedAt: noon, expiresAt: new Date(noon.getTime() + 60_000) }
  return signRefreshToken(deriveKey(secret, 'refresh-tokens'), record)
}

function signedForLinks(): Promise<string> {
  return new SignJWT(platformClaims).setProtectedHeader({ alg: 'HS256' }).sign(deriveKey(secret, 'local-links'))
}

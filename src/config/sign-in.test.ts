import { describe, expect, test } from 'vitest'

import { ConfigError } from '../errors/app-error.ts'
import { loadConfig } from './load-config.ts'

describe('an OpenID provider', () => {
  const openId = {
    JWT_JWKS_URL: 'https://login.example/keys?for=1',
    JWT_ISSUER: 'https://login.example/',
    JWT_AUDIENCE: 'documents',
  }

  test('is used exactly as written', () => {
    expect(loadConfig(openId).openId).toEqual({
      jwksUrl: 'https://login.example/keys?for=1',
      issuer: 'https://login.example/',
      audience: 'documents',
    })
  })

  test('makes the key shared with the platform optional', () => {
    const database = { DATABASE_URL: 'postgres://db/app' }
    expect(loadConfig({ ...openId, ...database }).jwtSecret).toBeUndefined()
  })

  test.each(['http://127.0.0.1:9000/keys', 'http://localhost/keys', 'http://[::1]:9000/keys', 'http://127.1/keys'])(
    'may be on this machine, without TLS: %s',
    (address) => {
      expect(loadConfig({ ...openId, JWT_JWKS_URL: address }).openId?.jwksUrl).toBe(address)
    },
  )
})

const provider = {
  JWT_JWKS_URL: 'https://login.example/keys',
  JWT_ISSUER: 'https://login.example',
  JWT_AUDIENCE: 'documents',
}

describe('password login and registration', () => {
  test.each([
    [{}, { passwordLogin: true, registration: 'open' }],
    [{ REGISTRATION: 'invited' }, { passwordLogin: true, registration: 'invited' }],
    [{ PASSWORD_LOGIN: 'off' }, { passwordLogin: false, registration: 'off' }],
    [
      { PASSWORD_LOGIN: 'off', REGISTRATION: 'open' },
      { passwordLogin: false, registration: 'off' },
    ],
    [provider, { passwordLogin: false, registration: 'off' }],
    [
      { ...provider, PASSWORD_LOGIN: 'on' },
      { passwordLogin: true, registration: 'open' },
    ],
    [
      { ...provider, PASSWORD_LOGIN: 'on', REGISTRATION: 'off' },
      { passwordLogin: true, registration: 'off' },
    ],
  ])('with %o', (environment, expected) => {
    expect(loadConfig(environment)).toMatchObject(expected)
  })
})

describe('the client of a provider', () => {
  const client = { ...provider, OIDC_CLIENT_ID: 'documents-page', PUBLIC_URL: 'https://documents.example/' }

  test('may have a secret, and returns people to the public address', () => {
    expect(loadConfig({ ...client, OIDC_CLIENT_SECRET: 'hunter2-secret' }).providerClient).toEqual({
      issuer: 'https://login.example',
      clientId: 'documents-page',
      clientSecret: 'hunter2-secret',
      publicUrl: 'https://documents.example',
    })
    expect(loadConfig(client).providerClient).toMatchObject({ clientSecret: undefined })
    expect(loadConfig(provider).providerClient).toBeUndefined()
  })

  test.each([
    [{ OIDC_CLIENT_SECRET: 'hunter2-secret' }, 'OIDC_CLIENT_ID is not'],
    [{ ...client, PUBLIC_URL: '' }, 'PUBLIC_URL is not'],
    [{ OIDC_CLIENT_ID: 'documents-page', PUBLIC_URL: 'https://documents.example' }, 'JWT_ISSUER is not'],
    [{ ...client, JWT_ISSUER: 'http://login.example' }, 'JWT_ISSUER: with OIDC_CLIENT_ID'],
  ])('%o: what is missing or unsafe is named', (environment, expected) => {
    const load = () => loadConfig(environment)
    expect(load).toThrow(ConfigError)
    expect(load).toThrow(expected)
    expect(load).not.toThrow('hunter2')
  })

  test('may have a provider on this machine without TLS', () => {
    const local = { ...client, JWT_ISSUER: 'http://127.0.0.1:9000' }
    expect(loadConfig(local).providerClient?.issuer).toBe('http://127.0.0.1:9000')
  })
})

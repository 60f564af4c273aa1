import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'

export type ProviderKey = { kid: string; alg: 'RS256' | 'ES256'; privateKey: CryptoKey; jwk: JWK }

/** The provider's reaction to a request for its keys. */
export type ProviderMood =
  | { kind: 'well' }
  | { kind: 'broken' }
  | { kind: 'silent' }
  | { kind: 'redirects'; to: string }
  | { kind: 'says'; headers?: Record<string, string>; write: (response: ServerResponse) => void }

/** A provider of OpenID tokens with its own server, which can rotate its keys, fail, stay silent and recover. */
export type TestProvider = {
  issuer: string
  settings: { JWT_JWKS_URL: string; JWT_ISSUER: string; JWT_AUDIENCE: string }
  keys: ProviderKey[]
  mood: ProviderMood
  /** The requested paths, in order. */
  asked: string[]
  /** The number of requests for its keys. */
  questions(): number
  /** Signs with a new key from now on. The old one stays published until `keys` removes it. */
  rotate(alg?: ProviderKey['alg']): Promise<ProviderKey>
  claims(extra?: JWTPayload): JWTPayload
  /** A token in the provider's form; `claims` and `header` replace values. */
  sign(claims: JWTPayload, header?: { key?: ProviderKey; [name: string]: unknown }): Promise<string>
  stop(): Promise<void>
}

const keysPath = '/oauth/keys'
const audience = 'paniq-documents'

export async function startOpenIdProvider(): Promise<TestProvider> {
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    provider.asked.push(path)
    if (path === '/.well-known/openid-configuration') send(response, discoveryOf(provider))
    else if (path === keysPath) answerKeys(provider, response)
    else response.writeHead(404).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}` // it listens on a port
  const provider: TestProvider = {
    issuer,
    settings: { JWT_JWKS_URL: `${issuer}${keysPath}`, JWT_ISSUER: issuer, JWT_AUDIENCE: audience },
    keys: [await makeProviderKey('RS256')],
    mood: { kind: 'well' },
    asked: [],
    questions: () => provider.asked.filter((path) => path === keysPath).length,
    async rotate(alg = 'RS256') {
      const key = await makeProviderKey(alg)
      provider.keys.unshift(key)
      return key
    },
    claims: (extra = {}) => ({ ...claimsOf(issuer), ...extra }),
    async sign(claims, { key = provider.keys[0], ...header } = {}) {
      if (key === undefined) throw new Error('this provider has no key to sign with')
      return await new SignJWT(claims)
        .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'JWT', ...header })
        .sign(key.privateKey)
    },
    async stop() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
  return provider
}

export async function makeProviderKey(alg: ProviderKey['alg'], kid: string = randomUUID()): Promise<ProviderKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  // Some providers do not state the algorithm of a key. Its type allows several of RSA.
  const jwk = { ...(await exportJWK(publicKey)), kid, use: 'sig', ...(alg === 'RS256' ? {} : { alg }) }
  return { kid, alg, privateKey, jwk }
}

function answerKeys({ mood, keys }: TestProvider, response: ServerResponse): void {
  switch (mood.kind) {
    case 'well':
      return send(response, { keys: keys.map(({ jwk }) => jwk) })
    case 'broken':
      return void response.writeHead(500, { 'content-type': 'text/plain' }).end('out of order')
    case 'silent':
      return
    case 'redirects':
      return void response.writeHead(302, { location: mood.to }).end()
    case 'says':
      response.writeHead(200, { 'content-type': 'application/json', ...mood.headers })
      return mood.write(response)
  }
}

function send(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function discoveryOf({ issuer }: TestProvider): object {
  return {
    issuer,
    jwks_uri: `${issuer}${keysPath}`,
    authorization_endpoint: `${issuer}/oauth/authorize`,
    token_endpoint: `${issuer}/oauth/token`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256', 'ES256'],
  }
}

/** The usual claims of an access token; none has a `token_type`. */
function claimsOf(issuer: string): JWTPayload {
  const now = Math.floor(Date.now() / 1000)
  return {
    iss: issuer,
    aud: audience,
    sub: `auth0|${randomUUID()}`,
    iat: now,
    nbf: now,
    exp: now + 300,
    jti: randomUUID(),
    azp: 'portal',
    scope: 'openid profile',
  }
}

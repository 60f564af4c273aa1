import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { exportJWK, generateKeyPair } from 'jose'
import { type ClientMetadata, Provider } from 'oidc-provider'

/** A real OpenID provider on this machine, with a page where anybody signs in under any name. */
export type LoginProvider = {
  issuer: string
  settings: Record<string, string>
  stop(): Promise<void>
}

export const clientSecret = 'a client secret for tests'
const clientId = 'documents-page'

/** `publicUrl`: of the service. `client`: how the provider knows it. */
export async function startLoginProvider(
  publicUrl: string,
  client: Partial<ClientMetadata> = { client_secret: clientSecret },
): Promise<LoginProvider> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}` // it listens on a port
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })

  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: clientId,
        redirect_uris: [`${publicUrl}/api/v1/auth/provider/callback`],
        grant_types: ['authorization_code'],
        response_types: ['code'],
        ...client,
      },
    ],
    ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
    pkce: { required: () => true },
    cookies: { keys: [randomUUID()] },
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: 'test' }] },
    // The e-mail is whatever the person says.
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, email: id, email_verified: true }) }),
    claims: { openid: ['sub', 'email', 'email_verified'] },
    conformIdTokenClaims: false,
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'none'],
    features: { devInteractions: { enabled: true } },
  })
  const answer = provider.callback()
  server.on('request', (request, response) => void answer(request, response))

  return {
    issuer,
    settings: {
      PUBLIC_URL: publicUrl,
      JWT_JWKS_URL: `${issuer}/jwks`,
      JWT_ISSUER: issuer,
      JWT_AUDIENCE: 'paniq-documents',
      OIDC_CLIENT_ID: clientId,
      ...(client.client_secret === undefined ? {} : { OIDC_CLIENT_SECRET: client.client_secret }),
    },
    async stop() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

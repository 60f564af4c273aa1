import {
  allowInsecureRequests,
  authorizationCodeGrant,
  AuthorizationResponseError,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  customFetch,
  type CustomFetchOptions,
  discovery,
  enableNonRepudiationChecks,
  None,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  ResponseBodyError,
  WWWAuthenticateChallengeError,
} from 'openid-client'
import type { Logger } from 'pino'

import { isSafeTransport } from '../../config/setting-formats.ts'
import type { ProviderClientConfig } from '../../config/sign-in.ts'
import { subjectText } from '../../contract/identities.ts'
import { codeOf } from '../../errors/app-error.ts'
import type { Subject } from '../../vocabulary/vocabulary.ts'
import { readBounded } from '../sessions/openid-provider.ts'
import { type LoginTrouble, ProviderLoginError } from './provider-login-error.ts'

/** The secrets of one sign-in, which the browser keeps until the provider sends it back. */
export type LoginAttempt = { state: string; nonce: string; verifier: string }

/** This service as a client of the provider: the authorization code flow of OpenID Connect, with PKCE. */
export type ProviderClient = {
  issuer: string
  publicUrl: string
  /** The provider's address for one sign-in. Throws a `ProviderLoginError`. */
  begin(): Promise<{ address: string; attempt: LoginAttempt }>
  /** Redeems the code of a returning browser, and returns who signed in. Throws a `ProviderLoginError`. */
  finish(query: string, attempt: LoginAttempt): Promise<Subject>
}

/** Where the provider sends people back, below `PUBLIC_URL`. Each provider must know it. */
export const callbackPath = '/api/v1/auth/provider/callback'

type Needs = { config: ProviderClientConfig; log: Pick<Logger, 'warn'> }

export function openProviderClient({ config, log }: Needs): ProviderClient {
  const { issuer, publicUrl } = config
  const discover = cacheDiscovery(() => discoverProvider(config))
  const callback = `${publicUrl}${callbackPath}`

  return {
    issuer,
    publicUrl,
    begin: () =>
      explainFailure(log, async () => {
        const configuration = await discover()
        const attempt = { state: randomState(), nonce: randomNonce(), verifier: randomPKCECodeVerifier() }
        const address = buildAuthorizationUrl(configuration, {
          redirect_uri: callback,
          scope: 'openid',
          state: attempt.state,
          nonce: attempt.nonce,
          code_challenge: await calculatePKCECodeChallenge(attempt.verifier),
          code_challenge_method: 'S256',
        })
        return { address: address.href, attempt }
      }),
    finish: (query, { state, nonce, verifier }) =>
      explainFailure(log, async () => {
        const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true }
        // The address is our own, whatever host the request names.
        const tokens = await authorizationCodeGrant(await discover(), new URL(`${callback}?${query}`), checks)
        const claims = tokens.claims()
        const subject = subjectText.safeParse(claims?.sub)
        if (claims?.iss !== issuer || !subject.success) throw new Error('the ID token has no valid subject')
        return { issuer, subject: subject.data }
      }),
  }
}

const timeoutSeconds = 5

async function discoverProvider({ issuer, clientId, clientSecret }: ProviderClientConfig): Promise<Configuration> {
  const isLocal = new URL(issuer).protocol === 'http:'
  const configuration = await discovery(new URL(issuer), clientId, undefined, authenticateClient(clientSecret), {
    timeout: timeoutSeconds,
    [customFetch]: fetchFromProvider,
    // Signatures of ID tokens are checked too, not only the server that sent them.
    execute: [enableNonRepudiationChecks, ...(isLocal ? [allowInsecureRequests] : [])],
  })
  // The library accepts differences that tokens with this issuer would not have.
  if (configuration.serverMetadata().issuer !== issuer)
    throw new Error('the provider has another issuer than JWT_ISSUER')
  return configuration
}

/** With the method that the provider prefers. OpenID Connect Discovery: without a list it is `client_secret_basic`. */
function authenticateClient(secret: string | undefined): ClientAuth {
  if (secret === undefined) return None()
  const [basic, post] = [ClientSecretBasic(secret), ClientSecretPost(secret)]
  return (server, ...request) => {
    const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
    return (methods.includes('client_secret_basic') ? basic : post)(server, ...request)
  }
}

/** The provider cannot be reached, or fails itself. */
class ProviderUnreachable extends Error {}

/** Bounds what the provider sends, and follows it to no address that others could read on the way. */
async function fetchFromProvider(address: string, options: CustomFetchOptions): Promise<Response> {
  if (!isSafeTransport(new URL(address))) throw new Error('the provider names an address without TLS')
  try {
    const response = await fetch(address, { ...options, body: options.body ?? null, redirect: 'manual' })
    const { status, headers } = response
    const body = await readBounded(response)
    if (status >= 500) throw new Error(`the provider answered ${status}`)
    return new Response(body, { status, headers })
  } catch (error) {
    throw new ProviderUnreachable('no answer from the provider', { cause: error })
  }
}

const freshMs = 60 * 60_000
const pauseMs = 5000

/** Asks the provider once an hour, and during an outage every five seconds at most. */
function cacheDiscovery(discover: () => Promise<Configuration>): () => Promise<Configuration> {
  let known: { found: Promise<Configuration>; until: number } | undefined
  return () => {
    if (known === undefined || performance.now() > known.until) {
      const asked = { found: discover(), until: performance.now() + freshMs }
      asked.found.catch(() => (asked.until = performance.now() + pauseMs))
      known = asked
    }
    return known.found
  }
}

/** Logs what an operator can correct: names, statuses and sentences of errors, never the tokens and codes that they carry. */
async function explainFailure<Result>(log: Needs['log'], work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    const { trouble, why } = describeFailure(error)
    // Otherwise the browser chose what the answer says.
    if (!(error instanceof AuthorizationResponseError))
      log.warn({ event: 'provider_login_failed', trouble, ...why }, 'sign-in with the provider failed')
    throw new ProviderLoginError(trouble)
  }
}

function reasonOf({ error, error_description: reason }: ResponseBodyError): string | undefined {
  return error === 'invalid_client' ? wrongClient : reason
}

const wrongClient = 'the provider rejects this client: correct OIDC_CLIENT_ID and OIDC_CLIENT_SECRET'

function describeFailure(error: unknown): { trouble: LoginTrouble; why: Record<string, unknown> } {
  if (error instanceof AuthorizationResponseError)
    return { trouble: error.error === 'access_denied' ? 'cancelled' : 'failed', why: {} }
  // Of the token endpoint, such as `invalid_client` for a wrong secret.
  if (error instanceof ResponseBodyError)
    return { trouble: 'failed', why: { status: error.status, code: error.error, reason: reasonOf(error) } }
  if (error instanceof WWWAuthenticateChallengeError)
    return { trouble: 'failed', why: { status: error.status, code: 'invalid_client', reason: wrongClient } }
  const cause = error instanceof Error ? error.cause : undefined
  const unreachable = [error, cause].find((each) => each instanceof ProviderUnreachable)
  if (unreachable !== undefined) return { trouble: 'provider_unavailable', why: { reason: causeOf(unreachable) } }
  return { trouble: 'failed', why: { code: codeOf(error), reason: error instanceof Error ? error.message : undefined } }
}

/** Messages of connections name a host and a reason. */
function causeOf({ cause }: Error): string | undefined {
  if (!(cause instanceof Error)) return undefined
  return cause.cause instanceof Error ? cause.cause.message : cause.message
}

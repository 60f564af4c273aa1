import { z } from 'zod'

import { ConfigError } from '../errors/app-error.ts'
import { isSafeTransport, keysAddress, newPassword, type Setting, webAddress } from './setting-formats.ts'

const choices = ['open', 'invited', 'off'] as const

/** The ways of signing in: tokens of the platform, of a provider and of this service, and who must have a second factor. */
export const signInSettings = {
  JWT_SECRET_KEY: {
    schema: z.string().min(32, 'must be at least 32 characters, for example the output of: openssl rand -hex 32'),
    secret: true,
    doc: 'HS256 key shared with the platform. Required with `DATABASE_URL`, unless `JWT_JWKS_URL` is set. Otherwise the service generates a key for its own tokens and links: in `DATA_DIR` with the embedded database, else in the database.',
  },
  JWT_SECRET_KEY_PREVIOUS: {
    schema: z.string().min(32, 'must be at least 32 characters'),
    secret: true,
    doc: 'The key before a rotation. Tokens and links that were signed with it stay valid until they expire; remove it 30 days after the rotation.',
  },
  JWT_JWKS_URL: {
    schema: keysAddress,
    doc: 'Address of an OpenID provider’s keys (its `jwks_uri`). Its access tokens (RS256, ES256) are then accepted too. Set all three or none.',
  },
  JWT_ISSUER: {
    schema: webAddress,
    doc: 'The provider, exactly as in `iss` of its tokens.',
  },
  JWT_AUDIENCE: {
    schema: z.string().regex(/^[^\s,]+$/, 'must be one name without blanks or commas'),
    doc: 'This service, as in `aud` of the provider’s access tokens. Tokens for other services are rejected.',
  },
  PASSWORD_LOGIN: {
    schema: z.enum(['on', 'off'], 'must be on or off'),
    doc: '`off`: nobody logs in with a password or passkey of this service, except the administrator of `ADMIN_EMAIL` and the generated first one. Default: on, and off when `JWT_JWKS_URL` is set.',
  },
  REGISTRATION: {
    schema: z.enum(choices, 'must be open, invited or off'),
    doc: 'Who may create an account: everybody (`open`), people whose e-mail has an open invitation (`invited`), or nobody. Always `off` where password login is off. Default: open.',
  },
  OIDC_CLIENT_ID: {
    schema: z.string().regex(/^\S+$/, 'must be one name without blanks'),
    doc: 'This service as a client of the provider of `JWT_ISSUER`: people of the web page then sign in there. Requires `PUBLIC_URL`.',
  },
  OIDC_CLIENT_SECRET: {
    schema: z.string(),
    secret: true,
    doc: 'The client’s secret, if the provider gave it one. PKCE is used with and without it.',
  },
  ADMIN_EMAIL: {
    schema: z.email('must be an e-mail address'),
    doc: 'Creates this administrator at start, if absent. Unset: an embedded database without an administrator gets one.',
  },
  ADMIN_PASSWORD: {
    schema: newPassword,
    secret: true,
    doc: 'Password of that administrator, 10 characters or more, and not easy to guess.',
  },
  SECOND_FACTOR: {
    schema: z.enum(['off', 'administrators', 'everyone'], 'must be off, administrators or everyone'),
    default: 'off',
    doc: 'Who must set up a second factor, an authenticator app or a passkey, before anything else. Recommended in production: `administrators`. It does not apply to tokens of the platform and of an OpenID provider.',
  },
} as const satisfies Record<string, Setting>

type Values = {
  PASSWORD_LOGIN: 'on' | 'off' | undefined
  REGISTRATION: Registration | undefined
  OIDC_CLIENT_ID: string | undefined
  OIDC_CLIENT_SECRET: string | undefined
  JWT_JWKS_URL: string | undefined
  JWT_ISSUER: string | undefined
}

/** Who may create an account. */
export type Registration = (typeof choices)[number]

/** This service as a client of an OpenID provider. `publicUrl`: where the provider sends people back. */
export type ProviderClientConfig = {
  issuer: string
  clientId: string
  clientSecret: string | undefined
  publicUrl: string
}

export function signInConfig<Policy extends string>(
  values: Values & { SECOND_FACTOR: Policy },
  publicUrl: string | undefined,
) {
  const passwordLogin = (values.PASSWORD_LOGIN ?? (values.JWT_JWKS_URL === undefined ? 'on' : 'off')) === 'on'
  return {
    passwordLogin,
    secondFactor: values.SECOND_FACTOR,
    /** Where password login is off, people cannot set up a factor here, so their API keys need none. */
    secondFactorOfKeys: passwordLogin ? values.SECOND_FACTOR : 'off',
    registration: passwordLogin ? (values.REGISTRATION ?? 'open') : 'off',
    /** Undefined: people do not sign in with a provider here. */
    providerClient: clientConfig(values, publicUrl),
  } as const
}

function clientConfig(values: Values, publicUrl: string | undefined): ProviderClientConfig | undefined {
  const { OIDC_CLIENT_ID: clientId, OIDC_CLIENT_SECRET: clientSecret, JWT_ISSUER: issuer } = values
  if (clientId === undefined) {
    if (clientSecret === undefined) return undefined
    throw new ConfigError('OIDC_CLIENT_SECRET is set, but OIDC_CLIENT_ID is not. Set both, or the id alone.')
  }
  if (issuer === undefined)
    throw new ConfigError(
      'OIDC_CLIENT_ID is set, but JWT_ISSUER is not. Set JWT_JWKS_URL, JWT_ISSUER and JWT_AUDIENCE too.',
    )
  if (publicUrl === undefined)
    throw new ConfigError(
      'OIDC_CLIENT_ID is set, but PUBLIC_URL is not. The provider sends people back to that address.',
    )
  // Somebody on the way could read the code and the secret, or send people elsewhere.
  if (!isSafeTransport(new URL(issuer)))
    throw new ConfigError(
      'JWT_ISSUER: with OIDC_CLIENT_ID it must begin https://, or http:// where it names this machine (127.0.0.1, ::1, localhost).',
    )
  return { issuer, clientId, clientSecret, publicUrl }
}

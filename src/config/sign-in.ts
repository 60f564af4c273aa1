import { z } from 'zod'

import { ConfigError } from '../errors/app-error.ts'
import { isSafeTransport, type Setting } from './setting-formats.ts'

const choices = ['open', 'invited', 'off'] as const

/** The ways of signing in, besides the tokens of the platform and of a provider. */
export const signInSettings = {
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
} as const satisfies Record<string, Setting>

type Values = {
  PASSWORD_LOGIN: 'on' | 'off' | undefined
  REGISTRATION: Registration | undefined
  OIDC_CLIENT_ID: string | undefined
  OIDC_CLIENT_SECRET: string | undefined
  JWT_JWKS_URL: string | undefined
  JWT_ISSUER: string | undefined
  PUBLIC_URL: string | undefined
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

export function signInConfig<Policy extends string>(values: Values & { SECOND_FACTOR: Policy }) {
  const passwordLogin = (values.PASSWORD_LOGIN ?? (values.JWT_JWKS_URL === undefined ? 'on' : 'off')) === 'on'
  return {
    passwordLogin,
    secondFactor: values.SECOND_FACTOR,
    /** Where password login is off, people cannot set up a factor here, so their API keys need none. */
    secondFactorOfKeys: passwordLogin ? values.SECOND_FACTOR : 'off',
    registration: passwordLogin ? (values.REGISTRATION ?? 'open') : 'off',
    /** Undefined: people do not sign in with a provider here. */
    providerClient: clientConfig(values),
  } as const
}

function clientConfig(values: Values): ProviderClientConfig | undefined {
  const {
    OIDC_CLIENT_ID: clientId,
    OIDC_CLIENT_SECRET: clientSecret,
    JWT_ISSUER: issuer,
    PUBLIC_URL: publicUrl,
  } = values
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
  return { issuer, clientId, clientSecret, publicUrl: publicUrl.replace(/\/+$/, '') }
}

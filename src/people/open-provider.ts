import type { JWTVerifyGetKey } from 'jose'
import type { Logger } from 'pino'

import type { OpenIdConfig } from '../config.ts'
import type { Metrics } from '../metrics.ts'
import { fetchKeySet } from './fetch-key-set.ts'
import { holdProviderKeys, type KeyPatience } from './hold-provider-keys.ts'

/** Whoever logs people in, where that is not this service or the platform. */
export type Provider = {
  issuer: string
  audience: string
  findKey: JWTVerifyGetKey
  prepare(): Promise<void>
  close(): void
}

type Needs = { config: OpenIdConfig; log: Logger; metrics: Metrics; patience?: KeyPatience | undefined }

export function openProvider({ config, log, metrics, patience }: Needs): Provider {
  const { jwksUrl, issuer, audience } = config
  const closing = new AbortController()
  const keys = holdProviderKeys({
    fetchKeys: () => fetchKeySet(jwksUrl, { signal: closing.signal }),
    tell: telling({ log, metrics, closing: closing.signal }),
    ...(patience === undefined ? {} : { patience }),
  })
  return { issuer, audience, ...keys, close: () => closing.abort() }
}

/** Of an outage the log has the beginning and the end, the metrics every question. */
function telling({ log, metrics, closing }: Pick<Needs, 'log' | 'metrics'> & { closing: AbortSignal }) {
  let isOut = false
  return (failure: unknown) => {
    if (closing.aborted) return
    metrics.providerKeyQuestions.inc({ outcome: failure === undefined ? 'ok' : 'failed' })
    if (failure !== undefined && !isOut)
      log.warn(
        { event: 'provider_keys_failed', err: failure },
        'the keys of JWT_JWKS_URL cannot be had: tokens of keys that are known still work, others are answered with 503',
      )
    if (failure === undefined && isOut) log.info({ event: 'provider_keys_back' }, 'the keys of JWT_JWKS_URL are back')
    isOut = failure !== undefined
  }
}

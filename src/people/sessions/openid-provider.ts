import { createLocalJWKSet, errors, type JWTVerifyGetKey } from 'jose'
import type { Logger } from 'pino'

import type { OpenIdConfig } from '../../config/load-config.ts'
import { AppError } from '../../errors/app-error.ts'
import type { Metrics } from '../../metrics/metrics.ts'

/** The OpenID provider that authenticates people instead of this service or the platform. */
export type Provider = {
  issuer: string
  audience: string
  findKey: JWTVerifyGetKey
  prepare(): Promise<void>
  close(): void
}

type Needs = { config: OpenIdConfig; log: Logger; metrics: Metrics; times?: KeyCacheTimes | undefined }

export function openProvider({ config, log, metrics, times }: Needs): Provider {
  const { jwksUrl, issuer, audience } = config
  const closing = new AbortController()
  const keys = cacheProviderKeys({
    fetchKeys: () => fetchKeySet(jwksUrl, { signal: closing.signal }),
    onResult: createReporter({ log, metrics, closing: closing.signal }),
    ...(times === undefined ? {} : { times }),
  })
  return { issuer, audience, ...keys, close: () => closing.abort() }
}

/** Counts every request for keys. Logs only the beginning and the end of an outage. */
function createReporter({ log, metrics, closing }: Pick<Needs, 'log' | 'metrics'> & { closing: AbortSignal }) {
  let isOut = false
  return (failure: unknown) => {
    if (closing.aborted) return
    metrics.providerKeyRequests.inc({ outcome: failure === undefined ? 'ok' : 'failed' })
    if (failure !== undefined && !isOut)
      log.warn(
        { event: 'provider_keys_failed', err: failure },
        'keys of JWT_JWKS_URL not available; tokens of cached keys still work, others get 503',
      )
    if (failure === undefined && isOut)
      log.info({ event: 'provider_keys_back' }, 'keys of JWT_JWKS_URL available again')
    isOut = failure !== undefined
  }
}

/** Times of the key cache, in milliseconds. */
export type KeyCacheTimes = {
  /** Keys older than this are fetched again, so that a withdrawn key stops working. */
  freshMs: number
  /** Keys older than this are not used, even during an outage of the provider. */
  maxStaleMs: number
  /** The minimum time between two requests to the provider. */
  pauseMs: number
}

export const defaultKeyCacheTimes: KeyCacheTimes = {
  freshMs: 10 * 60_000,
  maxStaleMs: 24 * 3_600_000,
  pauseMs: 10_000,
}

type KeyNeeds = {
  fetchKeys: () => Promise<JWTVerifyGetKey>
  /** Called after every request for keys; `failure` is undefined after a success. */
  onResult: (failure: unknown) => void
  times?: KeyCacheTimes
  /** A monotonic clock. */
  elapsedMs?: () => number
}

export type ProviderKeys = {
  findKey: JWTVerifyGetKey
  /** Fetches the keys now, so that the first request need not wait. */
  prepare(): Promise<void>
}

/**
 * Caches the keys of an OpenID provider. During an outage of the provider, cached keys still work. An unknown key causes a
 * request, but there is only one request at a time, with a pause before the next, whatever tokens arrive. `findKey` throws
 * `store_unavailable` if it could not fetch the key, and jose's errors if the provider has no such key.
 */
export function cacheProviderKeys(needs: KeyNeeds): ProviderKeys {
  const { fetchKeys, onResult, times = defaultKeyCacheTimes, elapsedMs = () => performance.now() } = needs
  let cached: { find: JWTVerifyGetKey; at: number } | undefined
  let last: { at: number; failure?: unknown } | undefined
  let pending: Promise<void> | undefined

  const isPaused = () => last !== undefined && elapsedMs() - last.at < times.pauseMs
  const isOlderThan = (ms: number) => cached === undefined || elapsedMs() - cached.at > ms

  async function fetchNow(): Promise<void> {
    const { find, failure } = await resultOf(fetchKeys)
    pending = undefined
    last = { at: elapsedMs(), failure }
    if (find !== undefined) cached = { find, at: elapsedMs() }
    onResult(failure)
  }
  const fetchOnce = () => (pending ??= fetchNow())

  /** Waits for the request in progress, or makes one unless the last one was too recent. */
  async function refresh(): Promise<void> {
    if (pending !== undefined || !isPaused()) await fetchOnce()
  }

  /** After a failed request, further requests do not wait: the cached keys are still good. */
  async function refreshIfOld(): Promise<void> {
    if (isOlderThan(times.maxStaleMs)) return await refresh()
    if (!isOlderThan(times.freshMs)) return
    const refreshed = refresh()
    if (last?.failure === undefined) await refreshed
  }

  function requireCached(): JWTVerifyGetKey {
    if (cached === undefined || isOlderThan(times.maxStaleMs)) throw providerUnreachable(times, last?.failure)
    return cached.find
  }

  return {
    prepare: fetchOnce,
    async findKey(header, token) {
      await refreshIfOld()
      try {
        return await requireCached()(header, token)
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
        await refresh()
        if (last?.failure !== undefined) throw providerUnreachable(times, last.failure)
        return await requireCached()(header, token)
      }
    },
  }
}

async function resultOf(fetchKeys: KeyNeeds['fetchKeys']): Promise<{ find?: JWTVerifyGetKey; failure?: unknown }> {
  try {
    return { find: await fetchKeys() }
  } catch (error) {
    return { failure: error }
  }
}

function providerUnreachable({ pauseMs }: KeyCacheTimes, cause: unknown): AppError {
  return new AppError(
    'store_unavailable',
    'Your token cannot be checked, because the login provider cannot be reached. Try again shortly.',
    { cause, retryAfterSeconds: Math.max(1, pauseMs / 1000) },
  )
}

/** A large provider has a few keys of 2 KB each, and describes itself in 10 KB. */
const maxAnswerBytes = 256 * 1024
const defaultTimeoutMs = 5000

type Options = { signal?: AbortSignal; timeoutMs?: number }

/** Fetches the keys of an OpenID provider with one request. Limits its time and size, and follows no redirect. */
export async function fetchKeySet(url: string, { signal, timeoutMs = defaultTimeoutMs }: Options = {}) {
  const signals = [AbortSignal.timeout(timeoutMs), ...(signal === undefined ? [] : [signal])]
  const response = await fetch(url, {
    redirect: 'manual',
    headers: { accept: 'application/jwk-set+json, application/json' },
    signal: AbortSignal.any(signals),
  })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`the provider answered ${response.status} instead of 200`)
  }
  return keySetOf(await readBounded(response))
}

/** Reads an answer of the provider. Limits the decoded bytes, so that compression does not bypass the limit. */
export async function readBounded({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.byteLength
    if (size > maxAnswerBytes) throw new Error(`the provider sent more than ${maxAnswerBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function keySetOf(text: string): JWTVerifyGetKey {
  // jose checks the shape here, and each key when it is used.
  return createLocalJWKSet(JSON.parse(text) as Parameters<typeof createLocalJWKSet>[0])
}

import { createLocalJWKSet, errors, type JWTVerifyGetKey } from 'jose'
import type { Logger } from 'pino'

import type { OpenIdConfig } from '../../config/config.ts'
import { AppError } from '../../errors/app-error.ts'
import type { Metrics } from '../../metrics/metrics.ts'

/** The OpenID provider that logs people in instead of this service or the platform. */
export type Provider = {
  issuer: string
  audience: string
  findKey: JWTVerifyGetKey
  prepare(): Promise<void>
  close(): void
}

type Needs = { config: OpenIdConfig; log: Logger; metrics: Metrics; patience?: KeyCacheTimes | undefined }

export function openProvider({ config, log, metrics, patience }: Needs): Provider {
  const { jwksUrl, issuer, audience } = config
  const closing = new AbortController()
  const keys = cacheProviderKeys({
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
    metrics.providerKeyRequests.inc({ outcome: failure === undefined ? 'ok' : 'failed' })
    if (failure !== undefined && !isOut)
      log.warn(
        { event: 'provider_keys_failed', err: failure },
        'the keys of JWT_JWKS_URL cannot be had: tokens of keys that are known still work, others are answered with 503',
      )
    if (failure === undefined && isOut) log.info({ event: 'provider_keys_back' }, 'the keys of JWT_JWKS_URL are back')
    isOut = failure !== undefined
  }
}

/** What is waited for, in milliseconds. */
export type KeyCacheTimes = {
  /** Keys older than this are fetched again, so that a withdrawn key stops working. */
  freshMs: number
  /** So old keys count no longer, however long the provider is out. */
  mostStaleMs: number
  /** After one question to the provider, the least time until the next. */
  pauseMs: number
}

export const defaultKeyCacheTimes: KeyCacheTimes = {
  freshMs: 10 * 60_000,
  mostStaleMs: 24 * 3_600_000,
  pauseMs: 10_000,
}

type KeyNeeds = {
  fetchKeys: () => Promise<JWTVerifyGetKey>
  /** Told of the end of every question. */
  tell: (failure: unknown) => void
  patience?: KeyCacheTimes
  /** Of a clock that nobody sets. */
  elapsedMs?: () => number
}

export type ProviderKeys = {
  findKey: JWTVerifyGetKey
  /** Asks now, so that the first person need not wait. */
  prepare(): Promise<void>
}

/**
 * Holds the keys of an OpenID provider. While the provider is out, keys that are known go on working; a key that is not
 * known is asked for, but whatever arrives here, the provider is asked one question at a time and rests in between.
 * `findKey` throws `store_unavailable` for a key that it could not ask for, and jose's own errors for one that is not there.
 */
export function cacheProviderKeys(needs: KeyNeeds): ProviderKeys {
  const { fetchKeys, tell, patience = defaultKeyCacheTimes, elapsedMs = () => performance.now() } = needs
  let held: { find: JWTVerifyGetKey; at: number } | undefined
  let last: { at: number; failure?: unknown } | undefined
  let question: Promise<void> | undefined

  const isResting = () => last !== undefined && elapsedMs() - last.at < patience.pauseMs
  const isOlderThan = (ms: number) => held === undefined || elapsedMs() - held.at > ms

  async function hear(): Promise<void> {
    const { find, failure } = await answerOf(fetchKeys)
    question = undefined
    last = { at: elapsedMs(), failure }
    if (find !== undefined) held = { find, at: elapsedMs() }
    tell(failure)
  }
  const ask = () => (question ??= hear())

  /** One question, unless there was one just now. */
  async function askOnce(): Promise<void> {
    if (question !== undefined || !isResting()) await ask()
  }

  /** Nobody waits twice for a provider that is out: what is held is good meanwhile. */
  async function renewWhenOld(): Promise<void> {
    if (isOlderThan(patience.mostStaleMs)) return await askOnce()
    if (!isOlderThan(patience.freshMs)) return
    const asked = askOnce()
    if (last?.failure === undefined) await asked
  }

  function heldOrThrow(): JWTVerifyGetKey {
    if (held === undefined || isOlderThan(patience.mostStaleMs)) throw outOfReach(patience, last?.failure)
    return held.find
  }

  return {
    prepare: ask,
    async findKey(header, token) {
      await renewWhenOld()
      try {
        return await heldOrThrow()(header, token)
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
        await askOnce()
        if (last?.failure !== undefined) throw outOfReach(patience, last.failure)
        return await heldOrThrow()(header, token)
      }
    },
  }
}

async function answerOf(fetchKeys: KeyNeeds['fetchKeys']): Promise<{ find?: JWTVerifyGetKey; failure?: unknown }> {
  try {
    return { find: await fetchKeys() }
  } catch (error) {
    return { failure: error }
  }
}

function outOfReach({ pauseMs }: KeyCacheTimes, cause: unknown): AppError {
  return new AppError(
    'store_unavailable',
    'Your token cannot be checked now: the service that logs people in cannot be reached. Try again shortly.',
    { cause, retryAfterSeconds: Math.max(1, pauseMs / 1000) },
  )
}

/** A large provider has a few keys of 2 KB; more is no set of keys. */
const mostBytes = 256 * 1024
const mostMilliseconds = 5000

type Options = { signal?: AbortSignal; timeoutMs?: number }

/** Asks an OpenID provider for its keys, once, within bounds of time and size, and at this address alone: no redirect is followed. */
export async function fetchKeySet(url: string, { signal, timeoutMs = mostMilliseconds }: Options = {}) {
  const bounds = [AbortSignal.timeout(timeoutMs), ...(signal === undefined ? [] : [signal])]
  const response = await fetch(url, {
    redirect: 'manual',
    headers: { accept: 'application/jwk-set+json, application/json' },
    signal: AbortSignal.any(bounds),
  })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`the provider of keys answered ${response.status} instead of 200`)
  }
  return keySetOf(await readBounded(response))
}

/** Decoded bytes count, so that a body that was made small by compression is no way around. */
async function readBounded({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.byteLength
    if (size > mostBytes) throw new Error(`the provider of keys sent more than ${mostBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function keySetOf(text: string): JWTVerifyGetKey {
  // Its shape is checked by jose, and each key when it is used.
  return createLocalJWKSet(JSON.parse(text) as Parameters<typeof createLocalJWKSet>[0])
}

import { errors, type JWTVerifyGetKey } from 'jose'

import { AppError } from '../errors.ts'

/** What is waited for, in milliseconds. */
export type KeyPatience = {
  /** So old keys are asked for anew, so that one that the provider withdrew stops counting. */
  freshMs: number
  /** So old keys count no longer, however long the provider is out. */
  mostStaleMs: number
  /** After one question to the provider, the least time until the next. */
  pauseMs: number
}

export const usualKeyPatience: KeyPatience = { freshMs: 10 * 60_000, mostStaleMs: 24 * 3_600_000, pauseMs: 10_000 }

type Needs = {
  fetchKeys: () => Promise<JWTVerifyGetKey>
  /** Told of the end of every question. */
  tell: (failure: unknown) => void
  patience?: KeyPatience
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
export function holdProviderKeys(needs: Needs): ProviderKeys {
  const { fetchKeys, tell, patience = usualKeyPatience, elapsedMs = () => performance.now() } = needs
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

async function answerOf(fetchKeys: Needs['fetchKeys']): Promise<{ find?: JWTVerifyGetKey; failure?: unknown }> {
  try {
    return { find: await fetchKeys() }
  } catch (error) {
    return { failure: error }
  }
}

function outOfReach({ pauseMs }: KeyPatience, cause: unknown): AppError {
  return new AppError(
    'store_unavailable',
    'Your token cannot be checked now: the service that logs people in cannot be reached. Try again shortly.',
    { cause, retryAfterSeconds: Math.max(1, pauseMs / 1000) },
  )
}

import { randomUUID } from 'node:crypto'
import { gzipSync } from 'node:zlib'

import { errors, jwtVerify } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import {
  makeProviderKey,
  type ProviderKey,
  startOpenIdProvider,
  type TestProvider,
} from '../support/people/openid-provider.ts'
import { findFreePorts } from '../support/services/packages/free-ports.ts'
import {
  fetchKeySet,
  cacheProviderKeys,
  type ProviderKeys,
  defaultKeyCacheTimes,
} from '../../src/people/sessions/openid-provider.ts'

const { freshMs, maxStaleMs, pauseMs } = defaultKeyCacheTimes

let provider: TestProvider
let keys: ProviderKeys
let first: ProviderKey
let elapsed: number
let failures: unknown[]
/** Long enough for a busy machine; a test of the timeout sets less. */
let timeoutMs: number
beforeEach(async () => {
  provider = await startOpenIdProvider()
  first = firstKey()
  elapsed = 0
  timeoutMs = 30_000
  failures = []
  keys = cacheProviderKeys({
    fetchKeys: () => fetchKeySet(provider.settings.JWT_JWKS_URL, { timeoutMs }),
    onResult: (failure) => void failures.push(failure),
    elapsedMs: () => elapsed,
  })
})
afterEach(async () => provider.stop())

function firstKey(): ProviderKey {
  const [key] = provider.keys
  if (key === undefined) throw new Error('the provider has no key')
  return key
}

/** The result for a token signed with this key. */
async function outcomeOf(key: ProviderKey): Promise<string> {
  const token = await provider.sign(provider.claims(), { key })
  return await jwtVerify(token, keys.findKey).then(
    () => 'taken',
    (error: unknown) => (error instanceof errors.JWKSNoMatchingKey ? 'no such key' : codeOf(error)),
  )
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}

describe('the keys are fetched', () => {
  it('once for concurrent requests, and not again while they are fresh', async () => {
    const heard = await Promise.all(Array.from({ length: 20 }, () => outcomeOf(first)))
    elapsed = freshMs
    heard.push(await outcomeOf(first))

    expect(new Set(heard)).toEqual(new Set(['taken']))
    expect(provider.questions()).toBe(1)
  })

  it('once for an unknown key, whose tokens are then accepted without another fetch', async () => {
    await outcomeOf(first)
    elapsed = pauseMs
    const second = await provider.rotate('ES256')

    expect([await outcomeOf(second), await outcomeOf(second), await outcomeOf(first)]).toEqual([
      'taken',
      'taken',
      'taken',
    ])
    expect(provider.questions()).toBe(2)
  })

  it('once per pause, however many forged keys arrive', async () => {
    const madeUp = await makeProviderKey('ES256')
    const flood = () => Promise.all(Array.from({ length: 100 }, () => outcomeOf({ ...madeUp, kid: randomUUID() })))
    await outcomeOf(first)
    const heard = await flood()
    expect(provider.questions()).toBe(1)

    elapsed = pauseMs
    heard.push(...(await flood()), ...(await flood()))
    expect(provider.questions()).toBe(2)
    expect(new Set(heard)).toEqual(new Set(['no such key']))
    expect(await outcomeOf(first)).toBe('taken')
  })

  it('again when they are old, and a withdrawn key is then rejected', async () => {
    await outcomeOf(first)
    const second = await provider.rotate()
    provider.keys = [second]
    elapsed = freshMs + 1

    expect([await outcomeOf(first), await outcomeOf(second)]).toEqual(['no such key', 'taken'])
    expect(provider.questions()).toBe(2)
  })
})

describe('during an outage of the provider', () => {
  it('a cached key still works, and an unknown one gets 503 instead of 401', async () => {
    await outcomeOf(first)
    const second = await provider.rotate()
    provider.mood = { kind: 'broken' }
    elapsed = freshMs + 1

    expect([await outcomeOf(first), await outcomeOf(second)]).toEqual(['taken', 'store_unavailable'])
    expect(provider.questions()).toBe(2)

    elapsed += pauseMs
    provider.mood = { kind: 'well' }
    expect([await outcomeOf(second), await outcomeOf(first)]).toEqual(['taken', 'taken'])
    expect(provider.questions()).toBe(3)
  })

  it('many requests cause one fetch per pause, and get Retry-After', async () => {
    provider.mood = { kind: 'broken' }
    const token = await provider.sign(provider.claims())
    for (let count = 0; count < 30; count += 1)
      await expect(jwtVerify(token, keys.findKey)).rejects.toMatchObject({
        code: 'store_unavailable',
        retryAfterSeconds: pauseMs / 1000,
      })

    expect(provider.questions()).toBe(1)
    expect(failures).toEqual([expect.objectContaining({ message: expect.stringContaining('500') })])
  })

  it('requests with a cached key do not wait for a second fetch', async () => {
    await outcomeOf(first)
    provider.mood = { kind: 'silent' }
    timeoutMs = 300
    elapsed = freshMs + 1
    expect(await outcomeOf(first)).toBe('taken') // after the pause between two requests
    elapsed += pauseMs
    timeoutMs = 30_000

    // The request that this one starts is still open when it gets its answer.
    expect([await outcomeOf(first), failures.length]).toEqual(['taken', 2])
    await expect.poll(() => provider.questions()).toBe(3)
  })

  it('cached keys work for a day at most', async () => {
    await outcomeOf(first)
    provider.mood = { kind: 'broken' }
    elapsed = maxStaleMs
    expect(await outcomeOf(first)).toBe('taken')
    elapsed += pauseMs
    expect(await outcomeOf(first)).toBe('store_unavailable')
  })

  it('from the first start on, tokens get 503 until the provider is back', async () => {
    provider.mood = { kind: 'broken' }
    await keys.prepare()
    expect(await outcomeOf(first)).toBe('store_unavailable')

    provider.mood = { kind: 'well' }
    elapsed = pauseMs
    expect(await outcomeOf(first)).toBe('taken')
  })
})

const fetched = () => fetchKeySet(provider.settings.JWT_JWKS_URL, { timeoutMs })

describe('a response is rejected', () => {
  it('when it is another status than 200', async () => {
    provider.mood = { kind: 'broken' }
    await expect(fetched()).rejects.toThrow('answered 500')
  })

  it('when it is a redirect, which is not followed', async () => {
    const elsewhere = await startOpenIdProvider()
    provider.mood = { kind: 'redirects', to: elsewhere.settings.JWT_JWKS_URL }
    await expect(fetched()).rejects.toThrow('answered 302')
    expect(elsewhere.asked).toEqual([])
    await elsewhere.stop()
  })

  it.each([
    ['no JSON', '<html>', 'JSON'],
    ['no list', '{"keys":{}}', 'malformed'],
    ['keys that are no objects', '{"keys":["abc"]}', 'malformed'],
    ['nothing', '', 'JSON'],
  ])('when it is %s', async (_what, body, reason) => {
    provider.mood = { kind: 'says', write: (response) => void response.end(body) }
    await expect(fetched()).rejects.toThrow(reason)
  })

  it('when it is larger than the maximum, also if it is compressed', async () => {
    const large = `{"keys":[],"x":"${'x'.repeat(300_000)}"}`
    provider.mood = { kind: 'says', write: (response) => void response.end(large) }
    await expect(fetched()).rejects.toThrow('more than 262144 bytes')
    const packed = gzipSync(large)
    provider.mood = {
      kind: 'says',
      headers: { 'content-encoding': 'gzip' },
      write: (response) => void response.end(packed),
    }
    await expect(fetched()).rejects.toThrow('more than 262144 bytes')
  })

  it('when it does not arrive, or not completely', async () => {
    timeoutMs = 300
    provider.mood = { kind: 'silent' }
    await expect(fetched()).rejects.toThrow(/timeout/i)
    provider.mood = { kind: 'says', write: (response) => void response.write('{"keys":[') }
    await expect(fetched()).rejects.toThrow(/timeout/i)
  })

  it('when no server listens there', async () => {
    const [port = 0] = await findFreePorts(1)
    await expect(fetchKeySet(`http://127.0.0.1:${port}/keys`)).rejects.toThrow('fetch failed')
  })
})

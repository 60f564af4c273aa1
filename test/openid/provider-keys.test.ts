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

const { freshMs, mostStaleMs, pauseMs } = defaultKeyCacheTimes

let provider: TestProvider
let keys: ProviderKeys
let first: ProviderKey
let elapsed: number
let failures: unknown[]
/** Long enough for a busy machine, unless a test waits for its end. */
let timeoutMs: number
beforeEach(async () => {
  provider = await startOpenIdProvider()
  first = firstKey()
  elapsed = 0
  timeoutMs = 30_000
  failures = []
  keys = cacheProviderKeys({
    fetchKeys: () => fetchKeySet(provider.settings.JWT_JWKS_URL, { timeoutMs }),
    tell: (failure) => void failures.push(failure),
    elapsedMs: () => elapsed,
  })
})
afterEach(async () => provider.stop())

function firstKey(): ProviderKey {
  const [key] = provider.keys
  if (key === undefined) throw new Error('the provider has no key')
  return key
}

/** What comes of a token that this key signed. */
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

describe('the provider is asked', () => {
  it('once, however many come at the same moment, and not again while its keys are fresh', async () => {
    const heard = await Promise.all(Array.from({ length: 20 }, () => outcomeOf(first)))
    elapsed = freshMs
    heard.push(await outcomeOf(first))

    expect(new Set(heard)).toEqual(new Set(['taken']))
    expect(provider.questions()).toBe(1)
  })

  it('once for a key that nobody knew: what it signs from then on is taken without asking', async () => {
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

  it('once in a pause, whatever flood of made-up keys arrives', async () => {
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

  it('again when its keys are old, and one that it withdrew counts no longer', async () => {
    await outcomeOf(first)
    const second = await provider.rotate()
    provider.keys = [second]
    elapsed = freshMs + 1

    expect([await outcomeOf(first), await outcomeOf(second)]).toEqual(['no such key', 'taken'])
    expect(provider.questions()).toBe(2)
  })
})

describe('while the provider is out', () => {
  it('a key that is known goes on working, and a new one is not refused but put off', async () => {
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

  it('a flood asks it once in a pause, and says when to try again', async () => {
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

  it('nobody with a known key waits for it twice', async () => {
    await outcomeOf(first)
    provider.mood = { kind: 'silent' }
    timeoutMs = 300
    elapsed = freshMs + 1
    expect(await outcomeOf(first)).toBe('taken') // after the time that a question may take
    elapsed += pauseMs
    timeoutMs = 30_000

    // The question that this one sets off is still open when it is answered.
    expect([await outcomeOf(first), failures.length]).toEqual(['taken', 2])
    await expect.poll(() => provider.questions()).toBe(3)
  })

  it('known keys count for a day at most', async () => {
    await outcomeOf(first)
    provider.mood = { kind: 'broken' }
    elapsed = mostStaleMs
    expect(await outcomeOf(first)).toBe('taken')
    elapsed += pauseMs
    expect(await outcomeOf(first)).toBe('store_unavailable')
  })

  it('from the first start on, tokens are put off until it is back', async () => {
    provider.mood = { kind: 'broken' }
    await keys.prepare()
    expect(await outcomeOf(first)).toBe('store_unavailable')

    provider.mood = { kind: 'well' }
    elapsed = pauseMs
    expect(await outcomeOf(first)).toBe('taken')
  })
})

const fetched = () => fetchKeySet(provider.settings.JWT_JWKS_URL, { timeoutMs })

describe('an answer is no set of keys', () => {
  it('when it is another status than 200', async () => {
    provider.mood = { kind: 'broken' }
    await expect(fetched()).rejects.toThrow('answered 500')
  })

  it('when it points elsewhere, and there nobody is asked', async () => {
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

  it('when it is larger than keys are, also if it was made small for the way', async () => {
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

  it('when it does not come, or does not come to its end', async () => {
    timeoutMs = 300
    provider.mood = { kind: 'silent' }
    await expect(fetched()).rejects.toThrow(/timeout/i)
    provider.mood = { kind: 'says', write: (response) => void response.write('{"keys":[') }
    await expect(fetched()).rejects.toThrow(/timeout/i)
  })

  it('when nobody answers there', async () => {
    const [port = 0] = await findFreePorts(1)
    await expect(fetchKeySet(`http://127.0.0.1:${port}/keys`)).rejects.toThrow('fetch failed')
  })
})

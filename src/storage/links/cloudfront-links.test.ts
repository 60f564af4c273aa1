import { generateKeyPairSync, type KeyObject, verify } from 'node:crypto'

import { getSignedUrl } from '@aws-sdk/cloudfront-signer'
import { type Arbitrary, assert, asyncProperty, constantFrom, date, integer, record, string } from 'fast-check'
import { describe, expect, test } from 'vitest'

import type { StorageKey } from '../../vocabulary/vocabulary.ts'
import { createCloudFrontSigner } from './cloudfront-links.ts'
import { formatContentDisposition } from './content-disposition.ts'
import type { LinkOptions } from '../file-store.ts'
import { requireReadableKey } from '../storage-key.ts'

const keys = {
  RSA: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ECDSA: generateKeyPairSync('ec', { namedCurve: 'prime256v1' }),
}
const distribution = { domain: 'd111111abcdef8.cloudfront.net', keyPairId: 'K2JCJMDEHXQW5F' }
const key = requireReadableKey('security_firms/0b8f3a52-7a39-4d1c-9a43-1f2e3d4c5b6a/vat_certificate_7d0c.pdf')
const hour: LinkOptions = {
  fileName: 'a.pdf',
  contentType: 'application/pdf',
  disposition: 'attachment',
  seconds: 3600,
}
const noon = new Date('2026-11-24T12:00:00.789Z')
const noonEpoch = Date.parse('2026-11-24T12:00:00Z') / 1000

function signerWith(privateKey: KeyObject, now = noon) {
  return createCloudFrontSigner({ config: { ...distribution, privateKey }, now: () => now })
}

const link: Arbitrary<LinkOptions> = record({
  fileName: string({ unit: 'binary', maxLength: 300 }),
  contentType: constantFrom('application/pdf', 'image/jpeg', 'image/png'),
  disposition: constantFrom('attachment', 'inline'),
  seconds: integer({ min: 1, max: 3600 }),
})
/** The platform's keys may hold any letter. */
const anyKey: Arbitrary<StorageKey> = string({ unit: 'binary', minLength: 1, maxLength: 40 })
  .filter((text) => text.isWellFormed() && !/^\.|[/\\\p{Cc}]/u.test(text))
  .map((text) => requireReadableKey(`security_firms/${text}`))
const now = date({ min: new Date('2026-01-01'), max: new Date('2037-12-31'), noInvalidDate: true })

function isOwn(pair: string): boolean {
  return /^(?:Expires|Signature|Key-Pair-Id|Hash-Algorithm|Policy)=/.test(pair)
}

/** The link in parts, as CloudFront reads it: its own parameters, and the rest letter for letter as it was sent. */
function partsOf(url: string) {
  const [address = '', query = ''] = url.split('?')
  const pairs = query.split('&')
  const own = Object.fromEntries(pairs.filter(isOwn).map((pair) => pair.split('=', 2)))
  return { own, base: `${address}?${pairs.filter((pair) => !isOwn(pair)).join('&')}` }
}

/** What Amazon documents of a canned policy, its signature and its base64, said once more and not by the code under test. */
function fits(url: string, publicKey: KeyObject): boolean {
  const { own, base } = partsOf(url)
  const policy = {
    Statement: [{ Resource: base, Condition: { DateLessThan: { 'AWS:EpochTime': Number(own['Expires']) } } }],
  }
  const base64 = String(own['Signature']).replaceAll('-', '+').replaceAll('_', '=').replaceAll('~', '/')
  const hash = own['Hash-Algorithm'] === 'SHA256' ? 'sha256' : 'sha1'
  return verify(hash, Buffer.from(JSON.stringify(policy)), publicKey, Buffer.from(base64, 'base64'))
}

describe.each(Object.entries(keys))('a link signed with %s', (_name, { privateKey, publicKey }) => {
  test('matches its public key and no other, and no other address', async () => {
    const { url } = await signerWith(privateKey)(key, hour)
    const other = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })

    expect(fits(url, publicKey)).toBe(true)
    expect(fits(url, other.publicKey)).toBe(false)
    expect(fits(url.replace('vat_certificate', 'tax_clearance'), publicKey)).toBe(false)
    expect(fits(url.replace('attachment', 'inline'), publicKey)).toBe(false)
    expect(fits(url.replace(/Expires=\d/, 'Expires=9'), publicKey)).toBe(false)
    expect(fits(url.replace('&Hash-Algorithm=SHA256', ''), publicKey)).toBe(false)
  })

  test('ends at its expiry, within the hour, for any name, key and moment', async () => {
    await assert(
      asyncProperty(record({ link, key: anyKey, now }), async (given) => {
        const { url, expiresAt } = await signerWith(privateKey, given.now)(given.key, given.link)

        expect(fits(url, publicKey)).toBe(true)
        const { own } = partsOf(url)
        const begins = Math.floor(given.now.getTime() / 1000)
        expect(own).toEqual({
          Expires: String(begins + given.link.seconds),
          Signature: expect.stringMatching(/^[\w~-]+$/),
          'Key-Pair-Id': distribution.keyPairId,
          'Hash-Algorithm': 'SHA256',
        })
        expect(expiresAt.getTime() / 1000).toBe(begins + given.link.seconds)
      }),
      { numRuns: 100 },
    )
  })

  test('is the same for every client: none encodes a character differently', async () => {
    await assert(
      asyncProperty(record({ link, key: anyKey }), async (given) => {
        const { url } = await signerWith(privateKey)(given.key, given.link)

        // As browsers do.
        expect(new URL(url).href).toBe(url)
        expect(url).toMatch(/^https:\/\/d111111abcdef8\.cloudfront\.net\/[\w.~%/-]+\?[\w.~%&=-]+$/)
        expect(new URL(url).searchParams.get('response-content-type')).toBe(given.link.contentType)
        expect(new URL(url).searchParams.get('response-content-disposition')).toBe(
          formatContentDisposition(given.link.fileName, given.link.disposition),
        )
        expect(decodeURIComponent(new URL(url).pathname)).toBe(`/${given.key}`)
      }),
      { numRuns: 100 },
    )
  })
})

test('an RSA link equals that of the SDK', async () => {
  await assert(
    asyncProperty(record({ link, now }), async (given) => {
      const { url } = await signerWith(keys.RSA.privateKey, given.now)(key, given.link)

      const { base, own } = partsOf(url)
      const bySdk = getSignedUrl({
        url: base,
        keyPairId: distribution.keyPairId,
        privateKey: keys.RSA.privateKey.export({ format: 'pem', type: 'pkcs8' }),
        dateLessThan: Number(own['Expires']) * 1000,
        algorithm: 'SHA256',
      })
      expect(partsOf(url)).toEqual(partsOf(bySdk))
    }),
    { numRuns: 30 },
  )
})

test('a link counts from a full second, like its expiry', async () => {
  const { url, expiresAt } = await signerWith(keys.ECDSA.privateKey)(key, hour)

  expect(partsOf(url).own['Expires']).toBe(String(noonEpoch + 3600))
  expect(expiresAt).toEqual(new Date('2026-11-24T13:00:00Z'))
})

test('a link names no version of the object, and no bucket', async () => {
  const { url } = await signerWith(keys.ECDSA.privateKey)(key, hour)

  expect(url.toLowerCase()).not.toContain('versionid')
  expect(new URL(url).pathname).toBe(`/${key}`)
})

test('the longest name gives an address within CloudFront’s limit of 8,192 bytes', async () => {
  for (const letter of ['📄', "'", 'ñ', ' ', '"']) {
    const longest = { ...hour, fileName: `x${letter.repeat(254)}` }
    const { url } = await signerWith(keys.RSA.privateKey)(key, longest)

    expect(url.length).toBeLessThan(8192)
  }
})

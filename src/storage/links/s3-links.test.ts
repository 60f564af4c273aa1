import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import {
  type Arbitrary,
  assert,
  asyncProperty,
  base64String,
  constantFrom,
  date,
  integer,
  oneof,
  option,
  record,
  string,
  stringMatching,
  uuid,
} from 'fast-check'
import { expect, test } from 'vitest'

import type { S3Config } from '../../config/load-config.ts'
import { formatContentDisposition } from './content-disposition.ts'
import type { LinkOptions } from '../file-store.ts'
import { createS3LinkSigner } from './s3-links.ts'
import type { StorageKey } from '../../vocabulary/vocabulary.ts'
import { storageKeyOf } from '../storage-key.ts'

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'not-a-secret' }
const amazon: S3Config = {
  bucket: 'paniq-system-dev',
  region: 'af-south-1',
  endpoint: undefined,
  publicEndpoint: undefined,
  forcePathStyle: false,
  credentials,
  cloudFront: undefined,
}
const gateway = { ...amazon, endpoint: 'http://10.0.0.5:7480', publicEndpoint: 'http://10.0.0.5:7480' }
const configs: Record<string, S3Config> = {
  'Amazon, bucket in the host name': amazon,
  'Amazon, bucket in the path': { ...amazon, forcePathStyle: true },
  'Amazon, a bucket with dots': { ...amazon, bucket: 'documents.paniq.example' },
  'another partition': { ...amazon, region: 'cn-north-1' },
  'a gateway, bucket in the path': { ...gateway, forcePathStyle: true },
  'a gateway, bucket in the host name': { ...gateway, publicEndpoint: 'https://files.example:8443' },
  'a gateway below a path': { ...gateway, forcePathStyle: true, publicEndpoint: 'https://files.example/s3/' },
}

const key = record({ firm: uuid(), type: stringMatching(/^[a-z0-9_]{1,50}$/), id: uuid() }).map(({ firm, type, id }) =>
  storageKeyOf({ firmId: firm as never, documentType: type, uuid: id, extension: 'pdf' }),
)
/** The platform's keys end with whatever its users called their files. */
const platformKey = string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).map(
  (name) => `security_firms/a firm/x${name.replaceAll(/[/\\\p{Cc}]/gu, '_')}` as StorageKey,
)
const link: Arbitrary<LinkOptions> = record({
  fileName: string({ unit: 'grapheme', maxLength: 80 }),
  contentType: constantFrom('application/pdf', 'image/jpeg', 'image/png'),
  disposition: constantFrom('attachment', 'inline'),
  seconds: integer({ min: 1, max: 3600 }),
})
const sessionToken = option(base64String({ minLength: 20, maxLength: 80 }), { nil: undefined })
const now = date({ min: new Date('2026-01-01'), max: new Date('2036-01-01'), noInvalidDate: true })

test.each(Object.entries(configs))('%s: a link equals that of the SDK', async (_name, config) => {
  const sample = record({ key: oneof(key, platformKey), link, sessionToken, now })
  await assert(
    asyncProperty(sample, async (given) => {
      const identity = { ...credentials, ...(given.sessionToken && { sessionToken: given.sessionToken }) }
      const sign = createS3LinkSigner({ config, credentials: async () => identity, now: () => given.now })

      const { url } = await sign(given.key, given.link)

      const { origin, pathname, searchParams } = new URL(url)
      const expected = new URL(await urlOfSdk(config, identity, given))
      expect(origin + pathname).toBe(expected.origin + expected.pathname)
      // The signature among them covers the rest, but for their order.
      expect(Object.fromEntries(searchParams)).toEqual(Object.fromEntries(expected.searchParams))
    }),
    { numRuns: 30 },
  )
})

type Given = { key: string; link: LinkOptions; now: Date }

async function urlOfSdk(config: S3Config, identity: typeof credentials, given: Given): Promise<string> {
  const client = new S3Client({
    region: config.region,
    ...(config.publicEndpoint && { endpoint: config.publicEndpoint }),
    ignoreConfiguredEndpointUrls: true,
    forcePathStyle: config.forcePathStyle,
    credentials: identity,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
  const command = new GetObjectCommand({
    Bucket: config.bucket,
    Key: given.key,
    ResponseContentType: given.link.contentType,
    ResponseContentDisposition: formatContentDisposition(given.link.fileName, given.link.disposition),
  })
  return getSignedUrl(client, command, { signingDate: given.now, expiresIn: given.link.seconds })
}

const someKey = storageKeyOf({
  firmId: '0b8f3a52-7a39-4d1c-9a43-1f2e3d4c5b6a' as never,
  documentType: 'vat_certificate',
  uuid: '7d0c4f1e-52ab-4c77-8f10-a1b2c3d4e5f6',
  extension: 'pdf',
})
const hour: LinkOptions = {
  fileName: 'a.pdf',
  contentType: 'application/pdf',
  disposition: 'attachment',
  seconds: 3600,
}
const noon = new Date('2026-11-24T12:00:00.789Z')

function signerWith(expiration?: Date) {
  const identity = { ...credentials, ...(expiration && { expiration }) }
  return createS3LinkSigner({ config: amazon, credentials: async () => identity, now: () => noon })
}

test('a link has its expiry, to S3’s second', async () => {
  const { url, expiresAt } = await signerWith()(someKey, hour)

  expect(new URL(url).searchParams.get('X-Amz-Date')).toBe('20261124T120000Z')
  expect(new URL(url).searchParams.get('X-Amz-Expires')).toBe('3600')
  expect(expiresAt).toEqual(new Date('2026-11-24T13:00:00Z'))
})

test('a link ends a little before the credentials that signed it', async () => {
  const { url, expiresAt } = await signerWith(new Date('2026-11-24T12:10:00Z'))(someKey, hour)

  expect(new URL(url).searchParams.get('X-Amz-Expires')).toBe('570')
  expect(expiresAt).toEqual(new Date('2026-11-24T12:09:30Z'))
})

test('credentials that are about to expire sign nothing', async () => {
  const signing = signerWith(new Date('2026-11-24T12:00:30Z'))(someKey, hour)

  await expect(signing).rejects.toMatchObject({ code: 'unavailable' })
})

test('new credentials sign the links that follow', async () => {
  let identity = credentials
  const sign = createS3LinkSigner({ config: amazon, credentials: async () => identity, now: () => noon })
  await sign(someKey, hour)
  identity = { accessKeyId: 'AKIDSECOND', secretAccessKey: 'another' }

  const { url } = await sign(someKey, hour)

  expect(url).toContain('X-Amz-Credential=AKIDSECOND')
})

test('without credentials a link cannot be signed, and can later', async () => {
  let isReady = false
  const sign = createS3LinkSigner({
    config: amazon,
    credentials: async () => {
      if (!isReady) throw new Error('the role cannot be had')
      return credentials
    },
    now: () => noon,
  })
  await expect(sign(someKey, hour)).rejects.toMatchObject({ code: 'unavailable' })
  isReady = true

  await expect(sign(someKey, hour)).resolves.toMatchObject({ expiresAt: new Date('2026-11-24T13:00:00Z') })
})

test('a link names no version of the object', async () => {
  const { url } = await signerWith()(someKey, hour)

  expect(url.toLowerCase()).not.toContain('versionid')
})

test('an address that only the SDK reads from the environment does not change a link', async () => {
  const before = process.env['AWS_ENDPOINT_URL']
  process.env['AWS_ENDPOINT_URL'] = 'http://elsewhere.example'
  try {
    const { url } = await signerWith()(someKey, hour)

    expect(new URL(url).host).toBe('paniq-system-dev.s3.af-south-1.amazonaws.com')
  } finally {
    if (before === undefined) delete process.env['AWS_ENDPOINT_URL']
    else process.env['AWS_ENDPOINT_URL'] = before
  }
})

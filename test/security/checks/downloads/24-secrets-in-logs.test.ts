import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { callDocuments, uploadDocument } from '../../../support/documents/call-documents.ts'
import { type CloudFront, startCloudFront } from '../../../support/cloudfront/start-cloudfront.ts'
import { type FreshBucket, freshBucket } from '../../../support/s3/fresh-bucket.ts'
import type { Person } from '../../../support/people/people.ts'
import { s3Settings } from '../../../support/s3/s3-settings.ts'
import { startService, type TestService } from '../../../support/service/start-service.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { describeCheck } from '../../describe-check.ts'

const secretKey = 'a secret for these tests that nobody else has'

let bucket: FreshBucket
let onS3: TestService
let onDisk: TestService
let cloudFront: CloudFront
let behindCloudFront: TestService[]
beforeAll(async () => {
  bucket = await freshBucket()
  cloudFront = await startCloudFront(bucket)
  const common = { ...s3Settings(bucket), JWT_SECRET_KEY: secretKey, LOG_LEVEL: 'trace' }
  behindCloudFront = [
    await startService({ ...common, ...cloudFront.settings.RSA }),
    await startService({ ...common, ...cloudFront.settings.ECDSA }),
  ]
  onS3 = await startService({ ...s3Settings(bucket), JWT_SECRET_KEY: secretKey, LOG_LEVEL: 'trace' })
  onDisk = await startService({ JWT_SECRET_KEY: secretKey, LOG_LEVEL: 'trace' })
})
afterAll(async () => {
  for (const service of behindCloudFront) await service.stop()
  await cloudFront.close()
  await onS3.stop()
  await onDisk.stop()
  await bucket.remove()
})

describeCheck(24, () => {
  it('the redirect to S3 and a JSON link are not cached and send no referrer', async () => {
    const { firm, admin } = await firmWithAdmin(onS3)
    const document = await uploadDocument(onS3.url, firm, admin)
    for (const accept of ['*/*', 'application/json']) {
      const answer = await callDocuments(onS3.url, firm, admin, `/${document.id}/download`, { headers: { accept } })
      await answer.text()
      expect(answer.status).toBe(accept === '*/*' ? 302 : 200)
      expect(answer.headers.get('cache-control')).toBe('no-store')
      expect(answer.headers.get('referrer-policy')).toBe('no-referrer')
    }
  })

  it('no log line and no error contains a signature, a link, a token, a password or a key', async () => {
    const said: string[] = []
    const secrets = new Set([secretKey, bucket.s3.app.secretAccessKey, ...linesOfKeys()])
    const services = [onS3, onDisk, ...behindCloudFront]
    for (const service of services) {
      const { firm, admin } = await firmWithAdmin(service)
      const document = await uploadDocument(service.url, firm, admin)
      secrets.add(admin.headers.authorization.slice('Bearer '.length))
      for (const link of await linksOf(service, firm, admin, document.id)) {
        secrets.add(secretOf(new URL(link, service.url)))
        // Used, altered, and sent to the wrong place.
        said.push(await spoilt(link, service))
        said.push(await refusalOf(`${service.url}/api/v1/nowhere?link=${encodeURIComponent(link)}`))
        said.push(
          await refusalOf(`${service.url}${new URL(link, service.url).pathname}`, { authorization: `Bearer ${link}` }),
        )
      }
      for (const secret of await logInAndOut(service)) secrets.add(secret)
    }

    const log = services.flatMap(({ logLines }) => logLines).join('')
    const fromUs = said.filter((text) => text.includes('request_id')).join('')
    // Both keys, and two links of each of four kinds.
    expect(secrets.size).toBeGreaterThan(40)
    expect(log).toContain('document.downloaded')
    expect(fromUs).not.toBe('')
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(10)
      // Not by `toContain`, which would print the secret.
      expect(log.includes(secret)).toBe(false)
      expect(fromUs.includes(secret)).toBe(false)
    }
  })
})

/** The secret of a link: the signature of S3 or of CloudFront, or the token of a local link. */
function secretOf({ searchParams, pathname }: URL): string {
  const signature = searchParams.get('X-Amz-Signature') ?? searchParams.get('Signature')
  return signature ?? pathname.slice(pathname.lastIndexOf('/') + 1)
}

/** Each line of the private keys, except the frame. */
function linesOfKeys(): string[] {
  const pems = Object.values(cloudFront.settings).map((settings) => settings['CLOUDFRONT_PRIVATE_KEY'] ?? '')
  return pems.flatMap((pem) => pem.split('\n')).filter((line) => line.length > 10 && !line.startsWith('---'))
}

async function linksOf(service: TestService, firm: string, admin: Person, id: string): Promise<string[]> {
  const asJson = await callDocuments(service.url, firm, admin, `/${id}/download`, {
    headers: { accept: 'application/json' },
  })
  const { url } = (await asJson.json()) as { url: string }
  const redirect = await callDocuments(service.url, firm, admin, `/${id}/download?disposition=inline`)
  await redirect.arrayBuffer()
  return [url, redirect.headers.get('location') ?? url]
}

async function spoilt(link: string, { url }: TestService): Promise<string> {
  const { href, hostname } = new URL(link, url)
  return hostname === cloudFront.domain ? (await cloudFront.fetch(`${href}x`)).text() : refusalOf(`${href}x`)
}

async function refusalOf(url: string, headers: Record<string, string> = {}): Promise<string> {
  return (await fetch(url, { headers, redirect: 'manual' })).text()
}

/** All secrets in requests, in the body and in the cookie. */
async function logInAndOut({ url }: TestService): Promise<string[]> {
  const email = `${randomUUID()}@people.example`
  const password = `correct horse ${randomUUID()}`
  const post = (path: string, body: object, headers: Record<string, string> = {}) =>
    fetch(`${url}/api/v1/auth${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  const registered = (await (
    await post('/register', { email, password, first_name: 'T', last_name: 'N' })
  ).json()) as Tokens
  const wrong = `wrong ${randomUUID()}`
  await (await post('/login', { email, password: wrong })).text()
  const refreshed = (await (await post('/refresh', { refresh_token: registered.refresh_token })).json()) as Tokens
  const page = { 'x-auth-mode': 'cookie', origin: url }
  const inCookie = await post('/login', { email, password }, page)
  const cookie = /paniq_refresh=([^;]+)/.exec(inCookie.headers.get('set-cookie') ?? '')?.[1] ?? ''
  await (await post('/logout', {}, { ...page, cookie: `paniq_refresh=${cookie}` })).text()
  await (await post('/refresh', { refresh_token: `${refreshed.refresh_token}x` })).text()
  const { access_token: fromCookieMode } = (await inCookie.json()) as Tokens
  return [
    password,
    wrong,
    cookie,
    fromCookieMode,
    registered.access_token,
    registered.refresh_token,
    refreshed.access_token,
    refreshed.refresh_token,
  ]
}

type Tokens = { access_token: string; refresh_token: string }

import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { tendDisk } from '../../../src/worker/tend-disk.ts'
import { callDocuments, uploadDocument, uploadFile } from '../../support/call-documents.ts'
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts'
import { firmWithAdmin } from '../../support/firm-with-admin.ts'
import { type FreshBucket, freshBucket } from '../../support/fresh-bucket.ts'
import { s3Settings } from '../../support/s3-settings.ts'
import { startService, type TestService } from '../../support/start-service.ts'
import { startTraceCollector, type TraceCollector } from '../../support/trace-collector.ts'

const secretKey = 'a secret for these tests that nobody else has'

let bucket: FreshBucket
let toS3: FaultProxy
let collector: TraceCollector
let service: TestService
beforeAll(async () => {
  bucket = await freshBucket()
  const s3 = new URL(bucket.s3.endpoint)
  toS3 = await startFaultProxy({ host: s3.hostname, port: Number(s3.port) })
  collector = await startTraceCollector()
  service = await startService({
    ...s3Settings(bucket, `http://127.0.0.1:${toS3.port}`),
    JWT_SECRET_KEY: secretKey,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: '100',
  })
})
afterAll(async () => {
  await service.stop()
  await collector.close()
  await toS3.close()
  await bucket.remove()
})

it('24. no span holds a name of a file, an e-mail, a link, a signature, a token, a password, an address or a key', async () => {
  const { firm, admin } = await firmWithAdmin(service)
  const fileName = `certificate of ${randomUUID()}.pdf`
  const email = `${randomUUID()}@people.example`
  const password = `correct horse ${randomUUID()}`
  const document = await uploadDocument(service.url, firm, admin, { fileName })
  const { url } = await jsonOf<{ url: string }>(
    await callDocuments(service.url, firm, admin, `/${document.id}/download`, {
      headers: { accept: 'application/json' },
    }),
  )
  await (await uploadFile(service.url, firm, admin, { fileName, bytes: Buffer.from('none') })).text()
  const tokens = await jsonOf<{ access_token: string; refresh_token: string }>(
    await post('/register', { email, password, first_name: 'T', last_name: 'N' }),
  )
  await (await post('/login', { email, password: `${password} wrong` })).text()
  await (await post('/refresh', { refresh_token: tokens.refresh_token })).text()
  await (await fetch(`${service.url}/api/v1/nowhere/${fileName}?link=${encodeURIComponent(url)}`)).text()
  // What goes wrong has causes with messages of its own.
  toS3.setFault({ kind: 'refuse' })
  await toS3.cutAll()
  await uploadDocument(service.url, firm, admin, { fileName })
  const [local] = await service.app.db
    .selectFrom('document_versions')
    .select('storage_key')
    .where('is_fallback', '=', true)
    .execute()
  await (await callDocuments(service.url, firm, admin, `/${document.id}/download`)).text()
  toS3.setFault({ kind: 'none' })
  const tending = tendDisk(service.app)
  await expect.poll(() => collector.spans().some(({ facts }) => facts['move'] === 'moved')).toBe(true)
  await tending.close()
  await expect.poll(() => collector.spans().some(({ name }) => name.endsWith('/auth/refresh'))).toBe(true)

  const sent = collector.text()
  const signed = new URL(url)
  const secrets = [
    secretKey,
    fileName,
    encodeURIComponent(fileName),
    email,
    password,
    admin.email,
    admin.headers.authorization.slice('Bearer '.length),
    tokens.access_token,
    tokens.refresh_token,
    signed.searchParams.get('X-Amz-Signature') ?? '',
    signed.pathname,
    local?.storage_key ?? '',
    bucket.name,
    bucket.s3.app.accessKeyId,
    bucket.s3.app.secretAccessKey,
    document.sha256 ?? '',
    '127.0.0.1',
  ]
  expect(collector.spans().length).toBeGreaterThan(50)
  expect(sent).toContain('s3 put_object')
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThan(8)
    // Not by `toContain`, which would show the secret. The collector's own address is in the head of what it got.
    expect(sent.replaceAll(`"host":"${new URL(collector.url).host}"`, '').includes(secret)).toBe(false)
  }
})

async function jsonOf<Body>(answer: Response): Promise<Body> {
  return (await answer.json()) as Body
}

function post(path: string, body: object): Promise<Response> {
  return fetch(`${service.url}/api/v1/auth${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

import { generateKeyPairSync, randomUUID } from 'node:crypto'

import { expect, it } from 'vitest'

import { startLocalDiskTasks } from '../../../../src/worker/local-disk-tasks.ts'
import { callDocuments, uploadDocument, uploadFile } from '../../../support/documents/call-documents.ts'
import { tracedService } from '../../../support/logs/traced-service.ts'
import { describeCheck } from '../../describe-check.ts'

const secretKey = 'a secret for these tests that nobody else has'

const scene = tracedService({ JWT_SECRET_KEY: secretKey })
const { privateKey } = generateKeyPairSync('ec', {
  namedCurve: 'prime256v1',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})
const atTheEdge = tracedService({
  CLOUDFRONT_DOMAIN: 'd111111abcdef8.cloudfront.net',
  CLOUDFRONT_KEY_PAIR_ID: 'K2JCJMDEHXQW5F',
  CLOUDFRONT_PRIVATE_KEY: privateKey,
})

describeCheck(24, () => {
  it('no span contains a file name, an e-mail, a link, a signature, a token, a password, an address or a key', async () => {
    const fileName = `certificate of ${randomUUID()}.pdf`
    const email = `${randomUUID()}@people.example`
    const password = `correct horse ${randomUUID()}`
    const document = await uploadDocument(scene.service.url, scene.firm, scene.admin, { fileName })
    const { url } = await jsonOf<{ url: string }>(
      await callDocuments(scene.service.url, scene.firm, scene.admin, `/${document.id}/download`, {
        headers: { accept: 'application/json' },
      }),
    )
    await (
      await uploadFile(scene.service.url, scene.firm, scene.admin, { fileName, bytes: Buffer.from('none') })
    ).text()
    const tokens = await jsonOf<{ access_token: string; refresh_token: string }>(
      await post('/register', { email, password, first_name: 'T', last_name: 'N' }),
    )
    await (await post('/login', { email, password: `${password} wrong` })).text()
    await (await post('/refresh', { refresh_token: tokens.refresh_token })).text()
    await (await fetch(`${scene.service.url}/api/v1/nowhere/${fileName}?link=${encodeURIComponent(url)}`)).text()
    // Failures have causes with messages.
    scene.toS3.setFault({ kind: 'refuse' })
    await scene.toS3.cutAll()
    await uploadDocument(scene.service.url, scene.firm, scene.admin, { fileName })
    const [local] = await scene.service.app.db
      .selectFrom('document_versions')
      .select('storage_key')
      .where('is_fallback', '=', true)
      .execute()
    await (await callDocuments(scene.service.url, scene.firm, scene.admin, `/${document.id}/download`)).text()
    scene.toS3.setFault({ kind: 'none' })
    const tending = startLocalDiskTasks(scene.service.app)
    await expect.poll(() => scene.collector.spans().some(({ facts }) => facts['move'] === 'moved')).toBe(true)
    await tending.close()
    await expect.poll(() => scene.collector.spans().some(({ name }) => name.endsWith('/auth/refresh'))).toBe(true)

    const sent = scene.collector.text()
    const signed = new URL(url)
    const secrets = [
      secretKey,
      fileName,
      encodeURIComponent(fileName),
      email,
      password,
      scene.admin.email,
      scene.admin.headers.authorization.slice('Bearer '.length),
      tokens.access_token,
      tokens.refresh_token,
      signed.searchParams.get('X-Amz-Signature') ?? '',
      signed.pathname,
      local?.storage_key ?? '',
      scene.bucket.name,
      scene.bucket.s3.app.accessKeyId,
      scene.bucket.s3.app.secretAccessKey,
      document.sha256 ?? '',
      '127.0.0.1',
    ]
    expect(scene.collector.spans().length).toBeGreaterThan(50)
    expect(sent).toContain('s3 put_object')
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(8)
      // Not by `toContain`, which would print the secret. The collector's own address is in the head of its requests.
      expect(sent.replaceAll(`"host":"${new URL(scene.collector.url).host}"`, '').includes(secret)).toBe(false)
    }
  })

  it('no span contains a CloudFront link, its signature or its signing key', async () => {
    const { service, firm, admin, collector } = atTheEdge
    const document = await uploadDocument(service.url, firm, admin)
    const path = `/${document.id}/download`
    const { url } = await jsonOf<{ url: string }>(
      await callDocuments(service.url, firm, admin, path, { headers: { accept: 'application/json' } }),
    )
    const redirect = await callDocuments(service.url, firm, admin, path)
    for (const link of [url, redirect.headers.get('location') ?? '']) {
      await (await fetch(`${service.url}/api/v1/nowhere?link=${encodeURIComponent(link)}`)).text()
      await (await callDocuments(service.url, firm, admin, `${path}?disposition=${encodeURIComponent(link)}`)).text()
    }
    const downloads = () => collector.spans().filter(({ name }) => name.endsWith('/download'))
    await expect.poll(() => downloads().length).toBeGreaterThanOrEqual(4)

    const sent = collector.text()
    const links = [new URL(url), new URL(redirect.headers.get('location') ?? '')]
    const keyLines = privateKey.split('\n').filter((line) => line.length > 10 && !line.startsWith('---'))
    const secrets = [
      ...links.map(({ searchParams }) => searchParams.get('Signature') ?? ''),
      ...keyLines,
      links[0]?.pathname ?? '',
      'd111111abcdef8',
      'K2JCJMDEHXQW5F',
    ]
    expect(secrets.length).toBeGreaterThan(6)
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(8)
      expect(sent.includes(secret)).toBe(false)
    }
  })
})

async function jsonOf<Body>(answer: Response): Promise<Body> {
  return (await answer.json()) as Body
}

function post(path: string, body: object): Promise<Response> {
  return fetch(`${scene.service.url}/api/v1/auth${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

import { randomUUID } from 'node:crypto'

import { expect, it } from 'vitest'

import { tendDisk } from '../../../src/worker/tend-disk.ts'
import { callDocuments, uploadDocument, uploadFile } from '../../support/call-documents.ts'
import { tracedService } from '../../support/traced-service.ts'
import { describeCheck } from '../describe-check.ts'

const secretKey = 'a secret for these tests that nobody else has'

const scene = tracedService({ JWT_SECRET_KEY: secretKey })

describeCheck(24, () => {
  it('no span holds a name of a file, an e-mail, a link, a signature, a token, a password, an address or a key', async () => {
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
    // What goes wrong has causes with messages of its own.
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
    const tending = tendDisk(scene.service.app)
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
      // Not by `toContain`, which would show the secret. The collector's own address is in the head of what it got.
      expect(sent.replaceAll(`"host":"${new URL(scene.collector.url).host}"`, '').includes(secret)).toBe(false)
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

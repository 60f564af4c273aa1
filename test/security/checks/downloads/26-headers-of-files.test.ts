import { describe, expect, it } from 'vitest'

import { formats } from '../../../../src/documents/formats/allowed-formats.ts'
import { serviceOnBothStores } from '../../../support/service/both-stores.ts'
import { callDocuments, uploadDocument } from '../../../support/documents/call-documents.ts'
import { type CloudFront, startCloudFront } from '../../../support/cloudfront/start-cloudfront.ts'
import { makeJpeg, makePdf, makePng } from '../../../support/files/make-files.ts'
import type { Person } from '../../../support/people/people.ts'
import { readSample } from '../../../support/files/read-sample.ts'
import { s3Settings } from '../../../support/s3/s3-settings.ts'
import { sceneOfFile } from '../../../support/service/scene-of-file.ts'
import { startService, type TestService } from '../../../support/service/start-service.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { describeCheck } from '../../describe-check.ts'

const both = serviceOnBothStores()
const edge = sceneOfFile<{ cloudFront: CloudFront; service: TestService }>(async (closing) => {
  const cloudFront = await startCloudFront(both.bucket)
  closing.defer(() => cloudFront.close())
  const service = await startService({ ...s3Settings(both.bucket), ...cloudFront.settings.ECDSA })
  closing.defer(() => service.stop())
  return { cloudFront, service }
})

const documents: [string, Buffer, string][] = [
  ['a.pdf', makePdf(), 'application/pdf'],
  ['a.jpg', makeJpeg(), 'image/jpeg'],
  ['a.png', makePng(), 'image/png'],
]

function expectHarmless(answer: Response): void {
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
  const policy = answer.headers.get('content-security-policy') ?? ''
  expect(policy).toContain("default-src 'none'")
  expect(policy).toContain("frame-ancestors 'none'")
}

/** The kinds of requests for a file, with the resulting answer. */
const ways: Record<string, () => { service: TestService; get: (link: string) => Promise<Response> }> = {
  'local storage': () => ({ service: both.onDisk, get: (link) => fetch(new URL(link, both.onDisk.url)) }),
  S3: () => ({ service: both.onS3, get: (link) => fetch(link) }),
  CloudFront: () => ({ service: edge.service, get: (link) => edge.cloudFront.fetch(link) }),
}

describeCheck(26, () => {
  describe('a file that the service sends itself', () => {
    it.each(documents)(
      '%s has its type, nosniff and a policy, for every kind of request',
      async (fileName, bytes, type) => {
        const { firm, admin } = await firmWithAdmin(both.onDisk)
        const document = await uploadDocument(both.onDisk.url, firm, admin, { fileName, bytes, contentType: '' })
        const path = `/${document.id}/download`
        const ask = (headers: Record<string, string> = {}, method = 'GET', query = '') =>
          callDocuments(both.onDisk.url, firm, admin, `${path}${query}`, { method, headers })
        const { url } = (await (await ask({ accept: 'application/json' })).json()) as { url: string }
        const etag = (await ask({}, 'HEAD')).headers.get('etag') ?? ''

        const withContent = [
          await ask(),
          await ask({}, 'HEAD'),
          await ask({ range: 'bytes=0-3' }),
          await ask({}, 'GET', '?disposition=inline'),
          await fetch(`${both.onDisk.url}${url}`),
          await fetch(`${both.onDisk.url}${url}`, { headers: { range: 'bytes=0-3' } }),
        ]
        const withoutContent = [await ask({ 'if-none-match': etag }), await ask({ range: 'bytes=9999999-' })]

        expect(withContent.map(({ status }) => status)).toEqual([200, 200, 206, 200, 200, 206])
        expect(withoutContent.map(({ status }) => status)).toEqual([304, 416])
        for (const answer of [...withContent, ...withoutContent]) {
          expectHarmless(answer)
          await answer.arrayBuffer()
        }
        for (const answer of withContent) {
          expect(answer.headers.get('content-type')).toBe(type)
          expect(answer.headers.get('content-security-policy')).toContain('sandbox')
        }
      },
    )

    it.each(['text/html', 'image/svg+xml', 'application/xhtml+xml', 'text/xml'])(
      'of a type with scripts (%s), according to its row, is never shown inline',
      async (mimeType) => {
        const { firm, admin } = await firmWithAdmin(both.onDisk)
        const id = await documentOfType(both.onDisk, firm, admin, mimeType)

        const answer = await callDocuments(both.onDisk.url, firm, admin, `/${id}/download?disposition=inline`)
        await answer.arrayBuffer()

        expect(answer.status).toBe(200)
        expect(answer.headers.get('content-disposition')).toMatch(/^attachment;/)
        expect(answer.headers.get('content-type')).toBe('application/octet-stream')
        expectHarmless(answer)
        expect(answer.headers.get('content-security-policy')).toContain('sandbox')
      },
    )

    it('of a type without scripts from the platform (WebP) is shown inline on request', async () => {
      const { firm, admin } = await firmWithAdmin(both.onDisk)
      const id = await documentOfType(both.onDisk, firm, admin, 'image/webp')

      const answer = await callDocuments(both.onDisk.url, firm, admin, `/${id}/download?disposition=inline`)
      await answer.arrayBuffer()

      expect(answer.status).toBe(200)
      expect(answer.headers.get('content-disposition')).toMatch(/^inline;/)
      expectHarmless(answer)
    })
  })

  it('an error has no header of the file: no name, no ETag, no policy', async () => {
    const { firm, admin } = await firmWithAdmin(both.onDisk)
    const { id } = await uploadDocument(both.onDisk.url, firm, admin)
    const headers = { range: 'bytes=9999999-' }

    const answer = await callDocuments(both.onDisk.url, firm, admin, `/${id}/download`, { headers })
    await answer.text()

    expect(answer.status).toBe(416)
    expect(answer.headers.get('content-range')).toMatch(/^bytes \*\/\d+$/)
    expect(answer.headers.get('accept-ranges')).toBe('bytes')
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    for (const name of ['content-disposition', 'etag']) expect([name, answer.headers.get(name)]).toEqual([name, null])
    expect(answer.headers.get('content-security-policy')).not.toContain('sandbox')
  })

  describe('a link to S3', () => {
    it.each(documents)('forces the type and the disposition of %s', async (fileName, bytes, type) => {
      const { firm, admin } = await firmWithAdmin(both.onS3)
      const document = await uploadDocument(both.onS3.url, firm, admin, { fileName, bytes, contentType: '' })

      const linkOf = async (query: string) =>
        (await callDocuments(both.onS3.url, firm, admin, `/${document.id}/download${query}`)).headers.get('location') ??
        ''
      const [attached, inline] = [await fetch(await linkOf('')), await fetch(await linkOf('?disposition=inline'))]
      await Promise.all([attached.arrayBuffer(), inline.arrayBuffer()])

      expect([attached.headers.get('content-type'), inline.headers.get('content-type')]).toEqual([type, type])
      expect(attached.headers.get('content-disposition')).toMatch(/^attachment;/)
      expect(inline.headers.get('content-disposition')).toMatch(/^inline;/)
    })

    it.each(['text/html', 'image/svg+xml'])(
      'to a %s never shows it inline, and cannot be altered',
      async (mimeType) => {
        const { firm, admin } = await firmWithAdmin(both.onS3)
        const id = await documentOfType(both.onS3, firm, admin, mimeType)
        const answer = await callDocuments(both.onS3.url, firm, admin, `/${id}/download?disposition=inline`)
        const link = new URL(answer.headers.get('location') ?? '')

        expect(link.searchParams.get('response-content-disposition')).toMatch(/^attachment;/)
        expect(link.searchParams.get('response-content-type')).toBe('application/octet-stream')
        link.searchParams.set('response-content-disposition', 'inline')
        const bent = await fetch(link)
        await bent.text()
        expect(bent.status).toBe(403)
      },
    )
  })

  describe.each(Object.entries(ways))('a file of each kind, through %s', (_name, way) => {
    const files: Record<string, { fileName: string; bytes: Buffer; inline: boolean }> = {
      'application/pdf': { fileName: 'a.pdf', bytes: makePdf(), inline: true },
      'image/jpeg': { fileName: 'a.jpg', bytes: makeJpeg(), inline: true },
      'image/png': { fileName: 'a.png', bytes: makePng(), inline: true },
      'image/webp': { fileName: 'a.webp', bytes: readSample('lossy.webp'), inline: true },
      'image/heic': { fileName: 'a.heic', bytes: readSample('photo.heic'), inline: false },
    }

    it.each(formats.map(({ mimeType }) => mimeType))(
      '%s has its type, and is shown inline only on request and if harmless',
      async (type) => {
        const { service, get } = way()
        await allowAllFormats(service)
        const { firm, admin } = await firmWithAdmin(service)
        const file = files[type]
        const document = await uploadDocument(service.url, firm, admin, { ...file, contentType: type })
        const seen = async (query: string) => {
          const headers = { accept: 'application/json' }
          const asked = await callDocuments(service.url, firm, admin, `/${document.id}/download${query}`, { headers })
          const answer = await get(((await asked.json()) as { url: string }).url)
          await answer.arrayBuffer()
          const disposition = answer.headers.get('content-disposition')?.split(';', 1)[0]
          return [answer.status, answer.headers.get('content-type'), disposition]
        }

        expect(await seen('')).toEqual([200, type, 'attachment'])
        expect(await seen('?disposition=inline')).toEqual([200, type, file?.inline ? 'inline' : 'attachment'])
      },
    )

    it.each([
      'text/html',
      'image/svg+xml',
      'application/xhtml+xml',
      'text/javascript',
      'application/pdf; x=text/html',
      '',
    ])('with the type %j in its row is served as an attachment of plain bytes', async (mimeType) => {
      const { service, get } = way()
      const { firm, admin } = await firmWithAdmin(service)
      const id = await documentOfType(service, firm, admin, mimeType)
      const headers = { accept: 'application/json' }
      const asked = await callDocuments(service.url, firm, admin, `/${id}/download?disposition=inline`, { headers })

      const answer = await get(((await asked.json()) as { url: string }).url)
      await answer.arrayBuffer()

      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/octet-stream'])
      expect(answer.headers.get('content-disposition')).toMatch(/^attachment;/)
    })
  })

  it('CloudFront’s response headers make a file harmless: nosniff, a policy, no frame, no cache', async () => {
    const { firm, admin } = await firmWithAdmin(edge.service)
    const { id } = await uploadDocument(edge.service.url, firm, admin)
    const asked = await callDocuments(edge.service.url, firm, admin, `/${id}/download?disposition=inline`)

    const answer = await edge.cloudFront.fetch(asked.headers.get('location') ?? '')
    await answer.arrayBuffer()

    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/pdf'])
    expectHarmless(answer)
    expect(answer.headers.get('content-security-policy')).toContain('sandbox')
    expect(answer.headers.get('cache-control')).toBe('private, no-store')
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer')
  })

  it('every error and every JSON answer has nosniff and a policy too', async () => {
    const { firm, admin } = await firmWithAdmin(both.onDisk)
    const answers = [
      await callDocuments(both.onDisk.url, firm, admin),
      await callDocuments(both.onDisk.url, firm, undefined),
      await callDocuments(both.onDisk.url, firm, admin, `/${crypto.randomUUID()}/download`),
      await fetch(`${both.onDisk.url}/api/v1/files/none`),
      await fetch(`${both.onDisk.url}/api/v1/nowhere`),
    ]

    expect(answers.map(({ status }) => status)).toEqual([200, 401, 404, 403, 404])
    for (const answer of answers) {
      expectHarmless(answer)
      await answer.text()
    }
  })
})

/** As the platform or a version of this service with more formats may have written the row. */
async function documentOfType(service: TestService, firm: string, admin: Person, mimeType: string): Promise<string> {
  const { id } = await uploadDocument(service.url, firm, admin)
  await service.app.db
    .updateTable('document_versions')
    .set({ mime_type: mimeType })
    .where('document_id', '=', id as never) // the id is from the service itself
    .execute()
  return id
}

async function allowAllFormats({ app }: TestService): Promise<void> {
  const all = formats.map(({ mimeType }) => mimeType)
  await app.db
    .updateTable('document_types')
    .set({ allowed_types: all })
    .where('code', '=', 'registration_certificate')
    .execute()
}

import { createPrivateKey } from 'node:crypto'

import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import { createCloudFrontSigner } from '../../src/storage/links/cloudfront-links.ts'
import type { StorageKey } from '../../src/vocabulary/vocabulary.ts'
import { sweep } from '../support/scanning/sweep.ts'
import { callDocuments, problemOf, uploadDocument } from '../support/documents/call-documents.ts'
import { clamdInHand } from '../support/run/controlled-clamd.ts'
import { type CloudFront, type KeyKind, startCloudFront } from '../support/cloudfront/start-cloudfront.ts'
import { startFaultProxy } from '../support/service/fault-proxy.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { makePdf, makePng } from '../support/files/make-files.ts'
import { makeMember } from '../support/people/people.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService, type TestService } from '../support/service/start-service.ts'

type Scene = { cloudFront: CloudFront; RSA: TestService; ECDSA: TestService; onDisk: TestService }

const scene = sceneOfFile<Scene & { toS3: { refuse(is: boolean): Promise<void> } }>(async (closing) => {
  const bucket = await freshBucket()
  closing.defer(() => bucket.remove())
  const cloudFront = await startCloudFront(bucket)
  closing.defer(() => cloudFront.close())
  const proxy = await startFaultProxy({ port: Number(new URL(bucket.s3.endpoint).port) })
  closing.defer(() => proxy.close())
  const clamd = await clamdInHand()
  closing.defer(() => clamd.remove())
  const start = async (settings: Record<string, string>) => {
    const service = await startService({ ...settings, CLAMD_URL: clamd.url })
    closing.defer(() => service.stop())
    return service
  }
  const throughProxy = s3Settings(bucket, `http://127.0.0.1:${proxy.port}`)
  return {
    cloudFront,
    RSA: await start({ ...throughProxy, ...cloudFront.settings.RSA }),
    ECDSA: await start({ ...throughProxy, ...cloudFront.settings.ECDSA, DOWNLOAD_URL_SECONDS: '60' }),
    onDisk: await start(cloudFront.settings.RSA),
    toS3: {
      async refuse(is) {
        proxy.setFault({ kind: is ? 'refuse' : 'none' })
        await proxy.cutAll()
      },
    },
  }
})

async function uploaded(service: TestService, bytes = makePdf()) {
  const { firm, admin } = await firmWithAdmin(service)
  const document = await uploadDocument(service.url, firm, admin, { bytes })
  const download = (query = '', headers: Record<string, string> = {}) =>
    callDocuments(service.url, firm, admin, `/${document.id}${query}`, { headers })
  const link = async (query = '/download') => (await download(query)).headers.get('location') ?? ''
  return { firm, admin, document, bytes, download, link }
}

/** The status of a link, and the bytes if it serves any. */
async function follow(link: string, headers: Record<string, string> = {}) {
  const answer = await scene.cloudFront.fetch(link, { headers })
  return { status: answer.status, headers: answer.headers, bytes: Buffer.from(await answer.arrayBuffer()) }
}

const kinds: [KeyKind, number][] = [
  ['RSA', 3600],
  ['ECDSA', 60],
]

describe.each(kinds)('a download through CloudFront, signed with %s', (kind, seconds) => {
  it('is an uncached redirect to the distribution, which serves the document', async () => {
    const { bytes, download } = await uploaded(scene[kind])

    const answer = await download('/download')

    expect(answer.status).toBe(302)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer')
    const link = answer.headers.get('location') ?? ''
    expect(new URL(link).origin).toBe(`https://${scene.cloudFront.domain}`)
    expect(link.toLowerCase()).not.toMatch(/versionid|x-amz/)
    const file = await follow(link)
    expect([file.status, file.headers.get('content-type')]).toEqual([200, 'application/pdf'])
    expect(file.bytes.equals(bytes)).toBe(true)
  })

  it('is a link with its expiry for a client that accepts JSON, and expires then', async () => {
    const { download } = await uploaded(scene[kind])
    const before = Math.floor(Date.now() / 1000)

    const answer = await download('/download', { accept: 'application/json' })

    const { url, expires_at: end, ...rest } = (await answer.json()) as { url: string; expires_at: string }
    expect([answer.status, answer.headers.get('cache-control'), rest]).toEqual([200, 'no-store', {}])
    const expires = Number(new URL(url).searchParams.get('Expires'))
    expect(new Date(expires * 1000).toISOString()).toBe(end)
    expect(expires - before).toBeGreaterThanOrEqual(seconds)
    expect(expires - Math.floor(Date.now() / 1000)).toBeLessThanOrEqual(seconds)

    try {
      scene.cloudFront.setClock(() => new Date(expires * 1000 - 1))
      expect((await follow(url)).status).toBe(200)
      scene.cloudFront.setClock(() => new Date(expires * 1000))
      expect((await follow(url)).status).toBe(403)
    } finally {
      scene.cloudFront.setClock(() => new Date())
    }
  })

  it('supports ranges and each version', async () => {
    const { bytes, link } = await uploaded(scene[kind])

    const part = await follow(await link('/versions/1/download'), { range: 'bytes=0-3' })

    expect([part.status, part.bytes.toString()]).toEqual([206, bytes.subarray(0, 4).toString()])
  })

  it('cannot be altered: not its location, lifetime or document, nor used without its signature', async () => {
    const [mine, other] = [await uploaded(scene[kind]), await uploaded(scene[kind])]
    const link = await mine.link()
    const bends: Record<string, string> = {
      'in place': link.replace('attachment', 'inline'),
      'as a page': link.replace('application%2Fpdf', 'text%2Fhtml'),
      'for longer': link.replace(/Expires=\d+/, 'Expires=1999999999'),
      'another document': link.replace(new URL(link).pathname, new URL(await other.link()).pathname),
      'one parameter more': link.replace('?', '?versionId=null&'),
      'by another key': link.replace(/Key-Pair-Id=\w+/, `Key-Pair-Id=${otherId(kind)}`),
      'as if over SHA-1': link.replace('&Hash-Algorithm=SHA256', ''),
      'without a signature': link.replace(/&Signature=[^&]+/, ''),
      'the bare address': link.replace(/\?.*/, ''),
    }

    const statuses = await Promise.all(
      Object.entries(bends).map(async ([how, bent]) => [how, bent === link, (await follow(bent)).status]),
    )

    expect(statuses).toEqual(Object.keys(bends).map((how) => [how, false, 403]))
    expect((await follow(link)).status).toBe(200)
  })
})

it('a link is signed without a call while S3 is down', async () => {
  const { link, bytes } = await uploaded(scene.ECDSA)
  await scene.toS3.refuse(true)
  try {
    expect((await follow(await link())).bytes.equals(bytes)).toBe(true)
  } finally {
    await scene.toS3.refuse(false)
  }
})

it('a confidential document gives no link to a guard who did not upload it', async () => {
  const { app, url } = scene.ECDSA
  const { firm, admin } = await firmWithAdmin(scene.ECDSA)
  await app.db
    .updateTable('document_types')
    .set({ confidential: true })
    .where('code', '=', 'identity_document')
    .execute()
  const options = { bytes: makePng(), fileName: 'id.png', type: 'identity_document' }
  const document = await uploadDocument(url, firm, admin, options)
  const asked = async (role: 'field_staff' | 'firm_supervisor') => {
    const person = await makeMember(app, firm, role)
    return callDocuments(url, firm, person, `/${document.id}/download`)
  }

  const [guard, supervisor] = [await asked('field_staff'), await asked('firm_supervisor')]

  expect([guard.status, (await problemOf(guard)).code, guard.headers.get('location')]).toEqual([404, 'not_found', null])
  expect((await follow(supervisor.headers.get('location') ?? '')).status).toBe(200)
})

it('a link stops working at once when its document goes to quarantine', async () => {
  const service = scene.ECDSA
  const { firm, admin, document, link: linkTo } = await uploaded(service)
  const link = await linkTo()
  expect((await follow(link)).status).toBe(200)
  // The state after new signatures found something and before the bytes are moved.
  await sql`
    with v as (update document_versions set scan_status = 'infected', scan_found = 'Found' where document_id = ${document.id}),
    d as (update documents set shown_version = null where id = ${document.id})
    delete from firm_documents where id = ${document.id}`.execute(service.app.db)

  expect(await sweep(service)).toMatchObject({ put_aside: 1 })

  expect((await follow(link)).status).toBeGreaterThanOrEqual(403)
  const again = await callDocuments(service.url, firm, admin, `/${document.id}/download`)
  expect([again.status, (await problemOf(again)).code]).toEqual([409, 'quarantined'])
  const { CLOUDFRONT_KEY_PAIR_ID: keyPairId = '', CLOUDFRONT_PRIVATE_KEY: pem = '' } = scene.cloudFront.settings.ECDSA
  const sign = createCloudFrontSigner({
    config: { domain: scene.cloudFront.domain, keyPairId, privateKey: createPrivateKey(pem) },
    now: () => new Date(),
  })
  const moved = `quarantine/${decodeURIComponent(new URL(link).pathname).slice(1)}` as StorageKey // an address that nobody would sign
  const attachment = { fileName: 'a.pdf', contentType: 'application/pdf', disposition: 'attachment' } as const
  expect((await follow((await sign(moved, { ...attachment, seconds: 60 })).url)).status).toBe(403)
})

it('a document on local storage is served by the service, also by its links', async () => {
  const { bytes, download } = await uploaded(scene.onDisk)

  const file = await download('/download')
  const { url } = (await (await download('/download', { accept: 'application/json' })).json()) as { url: string }

  expect([file.status, Buffer.from(await file.arrayBuffer()).equals(bytes)]).toEqual([200, true])
  expect(url).toMatch(/^\/api\/v1\/files\//)
})

function otherId(kind: KeyKind): string {
  const { settings } = scene.cloudFront
  return settings[kind === 'RSA' ? 'ECDSA' : 'RSA']['CLOUDFRONT_KEY_PAIR_ID'] ?? ''
}

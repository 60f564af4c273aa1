import { expect, it } from 'vitest'

import type { App } from '../../../../src/app.ts'
import { loadConfig } from '../../../../src/config/load-config.ts'
import { createS3LinkSigner } from '../../../../src/storage/links/s3-links.ts'
import { callDocuments, uploadDocument } from '../../../support/documents/call-documents.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { freshBucket } from '../../../support/s3/fresh-bucket.ts'
import type { Person } from '../../../support/people/people.ts'
import { s3Settings } from '../../../support/s3/s3-settings.ts'
import { sceneOfFile } from '../../../support/service/scene-of-file.ts'
import { startService, type TestService } from '../../../support/service/start-service.ts'
import { describeCheck } from '../../describe-check.ts'

const seconds = 3

/** Services with short-lived links, and one with the longest lifetime. */
const scene = sceneOfFile(async (closing) => {
  const bucket = await freshBucket()
  closing.defer(() => bucket.remove())
  const open = async (settings: Record<string, string>) => {
    const service = await startService(settings)
    closing.defer(() => service.stop())
    return service
  }
  const short = { DOWNLOAD_URL_SECONDS: String(seconds) }
  return {
    onS3: await open({ ...s3Settings(bucket), ...short }),
    onDisk: await open(short),
    usual: await open(s3Settings(bucket)),
  }
})

const stores = ['onS3', 'onDisk'] as const

describeCheck(23, () => {
  it.each(['3601', '86400', '0', '-1', '1e9'])('no setting makes a link valid for longer than an hour: %s', (value) => {
    expect(() => loadConfig({ DOWNLOAD_URL_SECONDS: value })).toThrow(/^DOWNLOAD_URL_SECONDS: /)
  })

  it('a link to S3 is signed for 3,600 seconds and no more, and names no version', async () => {
    const { firm, admin } = await firmWithAdmin(scene.usual)
    const { id } = await uploadDocument(scene.usual.url, firm, admin)
    const { link } = await linkOf(scene.usual, firm, admin, id)

    expect(link.searchParams.get('X-Amz-Expires')).toBe('3600')
    expect([...link.searchParams.keys()].filter((name) => /version/i.test(name))).toEqual([])
  })

  it.each(stores)('%s: a link opens its file until its expiry, and is then rejected', async (where) => {
    const { firm, admin } = await firmWithAdmin(scene[where])
    const { id } = await uploadDocument(scene[where].url, firm, admin)
    const asked = Date.now()
    const { link, expiresAt } = await linkOf(scene[where], firm, admin, id)

    expect(expiresAt.getTime()).toBeLessThanOrEqual(Date.now() + seconds * 1000)
    expect(expiresAt.getTime()).toBeGreaterThan(asked - 1000)
    await expect.poll(() => statusOf(link)).toBe(403)
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt.getTime())
  })

  it.each(stores)('%s: a link opens no other file, and its lifetime cannot be changed', async (where) => {
    const service = scene[where]
    const { firm, admin } = await firmWithAdmin(service)
    const links = []
    for (let count = 0; count < 2; count += 1) {
      const { id } = await uploadDocument(service.url, firm, admin)
      links.push(new URL((await linkOf(service, firm, admin, id)).link))
    }
    const [one, other] = links as [URL, URL] // two were created

    for (const bent of where === 'onS3' ? bentOfS3(one, other) : bentOfOurs(one, other))
      expect([bent.pathname, await statusOf(bent)]).toEqual([bent.pathname, 403])
  })

  it('a link ends before the credentials that signed it, and credentials about to expire sign none', async () => {
    const { firm, admin } = await firmWithAdmin(scene.usual)
    const { id } = await uploadDocument(scene.usual.url, firm, admin)
    const { storage_key: key } = await scene.usual.app.db
      .selectFrom('document_versions')
      .select('storage_key')
      .where('document_id', '=', id as never) // the id is from the service itself
      .executeTakeFirstOrThrow()
    const options = {
      fileName: 'a.pdf',
      contentType: 'application/pdf',
      disposition: 'attachment',
      seconds: 3600,
    } as const
    const signFor = (life: number) => signerEndingIn(scene.usual.app, life)(key, options)

    const { url } = await signFor(600)

    expect(Number(new URL(url).searchParams.get('X-Amz-Expires'))).toBeLessThan(600)
    expect(await statusOf(new URL(url))).toBe(200)
    await expect(signFor(10)).rejects.toMatchObject({ code: 'unavailable' })
  })
})

async function linkOf(service: TestService, firm: string, admin: Person, id: string) {
  const headers = { accept: 'application/json' }
  const answer = await callDocuments(service.url, firm, admin, `/${id}/download`, { headers })
  const { url, expires_at: end } = (await answer.json()) as { url: string; expires_at: string }
  return { link: new URL(url, service.url), expiresAt: new Date(end) }
}

async function statusOf(link: URL): Promise<number> {
  const answer = await fetch(link)
  await answer.arrayBuffer()
  return answer.status
}

function bentOfS3(one: URL, other: URL): URL[] {
  const longer = new URL(one)
  longer.searchParams.set('X-Amz-Expires', '3600')
  const later = new URL(one)
  later.searchParams.set('X-Amz-Date', '20990101T000000Z')
  return [Object.assign(new URL(one), { pathname: other.pathname }), longer, later]
}

const partsOf = (link: URL) => link.pathname.slice(link.pathname.lastIndexOf('/') + 1).split('.')

function bentOfOurs(one: URL, other: URL): URL[] {
  const [head, claims = '', signature] = partsOf(one)
  const longer = { ...(JSON.parse(Buffer.from(claims, 'base64url').toString()) as object), exp: 4_000_000_000 }
  const to = (...token: unknown[]) => new URL(`/api/v1/files/${token.join('.')}`, one)
  return [
    to(head, partsOf(other)[1], signature),
    to(head, Buffer.from(JSON.stringify(longer)).toString('base64url'), signature),
    to(head, claims, ''),
    to(Buffer.from('{"alg":"none"}').toString('base64url'), claims, ''),
  ]
}

function signerEndingIn({ config }: App, life: number) {
  const { s3 } = config
  const { credentials } = s3
  if (credentials === undefined) throw new Error('this service was given none')
  const identity = { ...credentials, expiration: new Date(Date.now() + life * 1000) }
  return createS3LinkSigner({ config: s3, credentials: async () => identity, now: () => new Date() })
}

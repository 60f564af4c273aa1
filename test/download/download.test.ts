import { setTimeout as sleep } from 'node:timers/promises'

import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import type { DocumentShape } from '../../src/contract/documents.ts'
import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { serviceOnBothStores } from '../support/service/both-stores.ts'
import { callDocuments, problemOf, uploadDocument } from '../support/documents/call-documents.ts'
import { makePdf, makePng } from '../support/files/make-files.ts'
import { makeFirm, makeMember, makePerson, type Person } from '../support/people/people.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { startService, type TestService } from '../support/service/start-service.ts'

const both = serviceOnBothStores()

const bytes = makePdf({ bytes: 50_000 })

async function uploaded(
  service: TestService,
  wish: { fileName?: string; bytes?: Buffer } = {},
): Promise<{
  firm: FirmId
  admin: Person
  document: DocumentShape
  download: (query?: string, headers?: Record<string, string>) => Promise<Response>
}> {
  const firm = await makeFirm(service.app)
  const admin = await makeMember(service.app, firm)
  const document = await uploadDocument(service.url, firm, admin, { bytes, ...wish })
  return {
    firm,
    admin,
    document,
    download: (query = '', headers = {}) =>
      callDocuments(service.url, firm, admin, `/${document.id}/download${query}`, { headers }),
  }
}

describe('from S3', () => {
  it('the answer is an uncached redirect to a link that works without a token for an hour, with the right name and type', async () => {
    const { download } = await uploaded(both.onS3, { fileName: 'Lisensie “2026”, ñ 📄.pdf' })

    const answer = await download()
    const link = new URL(answer.headers.get('location') ?? '')

    expect(answer.status).toBe(302)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer')
    expect(link.searchParams.get('X-Amz-Expires')).toBe('3600')
    expect(link.searchParams.has('versionId')).toBe(false)
    const file = await fetch(link)
    expect(file.status).toBe(200)
    expect(file.headers.get('content-type')).toBe('application/pdf')
    expect(file.headers.get('content-disposition')).toMatch(/^attachment; /)
    expect(
      decodeURIComponent(/filename\*=UTF-8''([^;]+)/i.exec(file.headers.get('content-disposition') ?? '')?.[1] ?? ''),
    ).toBe('Lisensie “2026”, ñ 📄.pdf')
    expect(Buffer.from(await file.arrayBuffer()).equals(bytes)).toBe(true)
  })

  it('a client that accepts JSON gets the link and its expiry', async () => {
    const { download } = await uploaded(both.onS3)
    const before = Date.now()
    const answer = await download('', { accept: 'application/json' })
    const { url, expires_at: expiresAt } = (await answer.json()) as { url: string; expires_at: string }
    expect(answer.status).toBe(200)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(Date.parse(expiresAt) - before).toBeGreaterThan(3_500_000)
    expect(Date.parse(expiresAt) - Date.now()).toBeLessThanOrEqual(3_600_000)
    expect((await fetch(url)).status).toBe(200)
  })

  it('inline only on request', async () => {
    const { download } = await uploaded(both.onS3)
    const answer = await download('?disposition=inline')
    const file = await fetch(answer.headers.get('location') ?? '')
    expect(file.headers.get('content-disposition')).toMatch(/^inline; /)
    await file.body?.cancel()
  })

  it('a link for five seconds is rejected by S3 after six', async () => {
    const brief = await startService({ ...s3Settings(both.bucket), DOWNLOAD_URL_SECONDS: '5' })
    const { download } = await uploaded(brief)
    const link = (await download()).headers.get('location') ?? ''
    const first = await fetch(link)
    await sleep(6000)
    const later = await fetch(link)
    expect([first.status, later.status]).toEqual([200, 403])
    await brief.stop()
  })

  it('no log line and no error contains a signature', async () => {
    const { download } = await uploaded(both.onS3)
    const link = new URL((await download()).headers.get('location') ?? '')
    const signature = link.searchParams.get('X-Amz-Signature') ?? ''
    expect(signature).toHaveLength(64)
    expect(both.onS3.logLines.join('')).not.toContain(signature)
    expect(both.onS3.logLines.join('')).toContain('document.downloaded')
  })
})

describe('from local storage', () => {
  it('the file is served with headers that prevent browsers from running it', async () => {
    const { download, document } = await uploaded(both.onDisk)
    const answer = await download()
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('application/pdf')
    expect(answer.headers.get('content-length')).toBe(String(document.file_size))
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    expect(answer.headers.get('content-security-policy')).toContain("sandbox; default-src 'none'")
    expect(answer.headers.get('content-disposition')).toMatch(/^attachment; /)
    expect(answer.headers.get('cache-control')).toBe('private, no-store')
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true)
  })

  it('as a link of the service that works without a token and only for this file', async () => {
    const { download } = await uploaded(both.onDisk)
    const { url } = (await (await download('', { accept: 'application/json' })).json()) as { url: string }
    expect(url).toMatch(/^\/api\/v1\/files\//)
    const file = await fetch(`${both.onDisk.url}${url}`)
    expect(file.status).toBe(200)
    expect(Buffer.from(await file.arrayBuffer()).equals(bytes)).toBe(true)
    const altered = await fetch(`${both.onDisk.url}${url.slice(0, -3)}abc`)
    expect(altered.status).toBe(403)
    const token = url.split('/').at(-1) ?? ''
    const asLogin = await fetch(`${both.onDisk.url}/api/v1/auth/me`, { headers: { authorization: `Bearer ${token}` } })
    expect(asLogin.status).toBe(401)
  })

  it('as a link also with the longest stored name', async () => {
    const { download, document } = await uploaded(both.onDisk, { fileName: `${'📄'.repeat(300)}.pdf` })
    const { url } = (await (await download('', { accept: 'application/json' })).json()) as { url: string }
    const file = await fetch(`${both.onDisk.url}${url}`)
    await file.arrayBuffer()
    expect(document.file_name).toBe(`${'📄'.repeat(251)}.pdf`)
    expect([file.status, url.length < 1000]).toEqual([200, true])
    expect(file.headers.get('content-disposition')).toContain(encodeURIComponent('📄'.repeat(100)))
  })

  it('an access token is not a file link', async () => {
    const { admin } = await uploaded(both.onDisk)
    const token = admin.headers.authorization.replace('Bearer ', '')
    expect((await fetch(`${both.onDisk.url}/api/v1/files/${token}`)).status).toBe(403)
  })

  it('in ranges: one range, a suffix, an open end; beyond the end is 416; several ranges return the whole file', async () => {
    const { download } = await uploaded(both.onDisk)
    const part = async (range: string) => {
      const answer = await download('', { range })
      return {
        status: answer.status,
        range: answer.headers.get('content-range'),
        bytes: Buffer.from(await answer.arrayBuffer()),
      }
    }
    expect(await part('bytes=0-9')).toEqual({ status: 206, range: 'bytes 0-9/50000', bytes: bytes.subarray(0, 10) })
    expect(await part('bytes=-5')).toEqual({ status: 206, range: 'bytes 49995-49999/50000', bytes: bytes.subarray(-5) })
    expect(await part('bytes=49000-')).toEqual({
      status: 206,
      range: 'bytes 49000-49999/50000',
      bytes: bytes.subarray(49_000),
    })
    expect(await part('bytes=50000-')).toMatchObject({ status: 416, range: 'bytes */50000' })
    expect((await part('bytes=0-1,5-6')).status).toBe(200)
  })

  it('not again if the client has the current ETag', async () => {
    const { download } = await uploaded(both.onDisk)
    const etag = (await download()).headers.get('etag') ?? ''
    const again = await download('', { 'if-none-match': etag })
    expect([again.status, await again.text()]).toEqual([304, ''])
    const changed = await download('', { 'if-none-match': '"other"' })
    expect(changed.status).toBe(200)
  })
})

const headOf = async (address: string, headers: Record<string, string> = {}) => {
  const answer = await fetch(address, { method: 'HEAD', headers })
  const said = ['content-length', 'content-range', 'content-type'].map((name) => answer.headers.get(name))
  return [answer.status, ...said]
}

describe('HEAD of a file on local storage', () => {
  it('has the length of GET, of the whole file and of a range, and 304 has none', async () => {
    const { firm, admin, document, download } = await uploaded(both.onDisk)
    const address = `${both.onDisk.url}/api/v1/security-firms/${firm}/documents/${document.id}/download`
    const etag = (await download()).headers.get('etag') ?? ''
    const head = (headers: Record<string, string> = {}) => headOf(address, { ...admin.headers, ...headers })

    expect(await head()).toEqual([200, '50000', null, 'application/pdf'])
    expect(await head({ range: 'bytes=0-9' })).toEqual([206, '10', 'bytes 0-9/50000', 'application/pdf'])
    expect((await head({ 'if-none-match': etag })).slice(0, 2)).toEqual([304, null])
  })

  it('works through a link too', async () => {
    const { download } = await uploaded(both.onDisk)
    const { url } = (await (await download('', { accept: 'application/json' })).json()) as { url: string }

    expect(await headOf(`${both.onDisk.url}${url}`)).toEqual([200, '50000', null, 'application/pdf'])
  })
})

describe('access to a document', () => {
  it('for every active member and the platform’s administrators, and nobody else by its real id', async () => {
    const { firm, document } = await uploaded(both.onDisk)
    const { firm: otherFirm, admin: outsider } = await uploaded(both.onDisk)
    const member = await makeMember(both.onDisk.app, firm, 'field_staff')
    const administrator = await makePerson(both.onDisk.app, { role: 'admin' })
    const ask = async (who: Person | undefined, where: FirmId) => {
      const answer = await callDocuments(both.onDisk.url, where, who, `/${document.id}/download`)
      return answer.status === 200 ? 200 : (await problemOf(answer)).code
    }
    expect(await ask(member, firm)).toBe(200)
    expect(await ask(administrator, firm)).toBe(200)
    expect(await ask(outsider, firm)).toBe('not_a_member')
    expect(await ask(outsider, otherFirm)).toBe('not_found')
    expect(await ask(undefined, firm)).toBe('unauthenticated')
  })

  it('for nobody whose membership ended a moment ago', async () => {
    const { firm, document } = await uploaded(both.onDisk)
    const member = await makeMember(both.onDisk.app, firm, 'firm_user')
    const ask = async () => (await callDocuments(both.onDisk.url, firm, member, `/${document.id}/download`)).status
    const before = await ask()
    await both.onDisk.app.db
      .updateTable('firm_users')
      .set({ status: 'suspended' })
      .where('user_id', '=', member.id)
      .execute()
    expect([before, await ask()]).toEqual([200, 403])
  })

  it('to a confidential document for its uploader, firm_admin and firm_supervisor; others get 404', async () => {
    const { firm } = await uploaded(both.onDisk)
    await both.onDisk.app.db
      .updateTable('document_types')
      .set({ confidential: true })
      .where('code', '=', 'identity_document')
      .execute()
    const [guard, other, supervisor] = [
      await makeMember(both.onDisk.app, firm, 'field_staff'),
      await makeMember(both.onDisk.app, firm, 'firm_user'),
      await makeMember(both.onDisk.app, firm, 'firm_supervisor'),
    ]
    const document = await uploadDocument(both.onDisk.url, firm, guard, {
      bytes: makePng(),
      fileName: 'id.png',
      type: 'identity_document',
    })
    const asked = async (who: Person) => {
      const download = await callDocuments(both.onDisk.url, firm, who, `/${document.id}/download`)
      const list = (await (await callDocuments(both.onDisk.url, firm, who)).json()) as DocumentShape[]
      return [download.status, list.some(({ id }) => id === document.id)]
    }
    expect(await asked(guard)).toEqual([200, true])
    expect(await asked(supervisor)).toEqual([200, true])
    expect(await asked(other)).toEqual([404, false])
  })

  it('each download and each denial is in the trail, with person, action, time and address', async () => {
    const { firm, admin, document, download } = await uploaded(both.onDisk)
    const stranger = await makePerson(both.onDisk.app)
    await download('', { 'x-request-id': 'mine-1', 'user-agent': 'a phone' })
    await callDocuments(both.onDisk.url, firm, stranger, `/${document.id}/download`)

    await callDocuments(both.onDisk.url, firm, admin, `/${document.id}`)

    const events = (await (
      await callDocuments(both.onDisk.url, firm, admin, `/${document.id}/events`)
    ).json()) as Record<string, unknown>[]

    expect(events).toMatchObject([
      { action: 'document.history_viewed', outcome: 'ok', actor_id: admin.id },
      { action: 'document.viewed', outcome: 'ok', actor_id: admin.id },
      { action: 'document.downloaded', outcome: 'not_a_member', actor_id: stranger.id },
      {
        action: 'document.downloaded',
        outcome: 'ok',
        actor_id: admin.id,
        version: 1,
        details: { caller_request_id: 'mine-1' },
      },
      { action: 'document.uploaded', outcome: 'ok', actor_id: admin.id, version: 1 },
    ])
    const rows = await both.onDisk.app.db
      .selectFrom('document_trail')
      .select(['ip', 'user_agent'])
      .where(sql<boolean>`details ->> 'caller_request_id' = 'mine-1'`)
      .execute()
    expect(rows).toEqual([{ ip: '127.0.0.1', user_agent: 'a phone' }])
  })
})

import { randomUUID } from 'node:crypto'

import { parse } from 'content-disposition'
import { expect, it } from 'vitest'

import { makePdf } from '../support/files/make-files.ts'
import { refusalIn } from './client.ts'
import { download, keep, documentsOf, type Scene } from './scene.ts'

const bytes = makePdf({ bytes: 50_000, seed: 'download' })
const fileName = 'Lisensie “2026”, ñ 📄.pdf'

export function proveDownloads(scene: () => Scene): void {
  it('a document is returned unchanged, with its name and type, as an attachment', async () => {
    const { id } = await keep(scene(), { bytes, fileName })
    const { answer, file } = await download(scene(), id)

    expect([200, 302]).toContain(answer.status)
    expect(answer.headers.get('cache-control')).toContain('no-store')
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer')
    expect([file.status, file.headers.get('content-type')]).toEqual([200, 'application/pdf'])
    const { type, parameters } = parse(file.headers.get('content-disposition') ?? '')
    expect([type, parameters['filename']]).toEqual(['attachment', fileName])
    expect(file.bytes.equals(bytes)).toBe(true)
  })

  it('inline on request', async () => {
    const { id } = await keep(scene(), { bytes })
    const { file } = await download(scene(), id, { query: '?disposition=inline' })
    expect(file.headers.get('content-disposition')).toMatch(/^inline/)
  })

  it('as a range, and as 304 if the client has it', async () => {
    const { id } = await keep(scene(), { bytes })
    const { file: whole } = await download(scene(), id)
    const { file: part } = await download(scene(), id, { headers: { range: 'bytes=100-199' } })
    const { file: tail } = await download(scene(), id, { headers: { range: 'bytes=-10' } })
    const { file: beyond } = await download(scene(), id, { headers: { range: 'bytes=50000-' } })
    const { file: again } = await download(scene(), id, {
      headers: { 'if-none-match': whole.headers.get('etag') ?? '' },
    })

    expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 100-199/50000'])
    expect(part.bytes.equals(bytes.subarray(100, 200))).toBe(true)
    expect([tail.status, tail.bytes.equals(bytes.subarray(-10))]).toEqual([206, true])
    expect(beyond.status).toBe(416)
    expect([again.status, again.bytes.length]).toEqual([304, 0])
  })

  it('as a link that works without a token for at most an hour', async () => {
    const { client, founder } = scene()
    const { id } = await keep(scene(), { bytes, fileName })
    const answer = await client.call(`GET ${documentsOf(scene())}/${id}/download`, {
      token: founder.token,
      headers: { accept: 'application/json' },
    })
    const { url, expires_at: expiresAt } = answer.body as { url: string; expires_at: string }
    const file = await client.call(`GET ${url}`)

    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store'])
    const seconds = (Date.parse(expiresAt) - Date.now()) / 1000
    expect(seconds).toBeGreaterThan(0)
    expect(seconds).toBeLessThanOrEqual(3605)
    expect([file.status, file.bytes.equals(bytes)]).toEqual([200, true])
    expect(parse(file.headers.get('content-disposition') ?? '').parameters['filename']).toBe(fileName)
  })

  it('only for members: a stranger, a request without a token and a wrong id get an error', async () => {
    const { client, founder, stranger } = scene()
    const { id } = await keep(scene(), { bytes })
    const ask = (document: string, token: string | undefined) =>
      client.call(`GET ${documentsOf(scene())}/${document}/download`, { token })

    expect(refusalIn(await ask(id, stranger.token))).toBe('403 not_a_member')
    expect(refusalIn(await ask(id, undefined))).toBe('401 unauthenticated')
    expect(refusalIn(await ask(randomUUID(), founder.token))).toBe('404 not_found')
  })

  it('the document’s events name each person who downloaded it, newest first', async () => {
    const { client, founder } = scene()
    const { id } = await keep(scene(), { bytes })
    await download(scene(), id, { headers: { 'x-request-id': 'acceptance-1' } })

    const trail = await client.call(`GET ${documentsOf(scene())}/${id}/events`, { token: founder.token })

    const recorded = (trail.body as { action: string }[]).filter(({ action }) =>
      ['document.uploaded', 'document.downloaded'].includes(action),
    )
    expect(recorded).toMatchObject([
      {
        action: 'document.downloaded',
        outcome: 'ok',
        actor_id: founder.id,
        details: { caller_request_id: 'acceptance-1' },
      },
      { action: 'document.uploaded', outcome: 'ok', actor_id: founder.id, version: 1 },
    ])
  })
}

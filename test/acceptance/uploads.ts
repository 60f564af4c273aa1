import { createHash, randomUUID } from 'node:crypto'

import { expect, it } from 'vitest'

import { makeJpeg, makePdf, makePng } from '../support/files/make-files.ts'
import { problemIn, refusalIn } from './client.ts'
import { acceptInvitation, upload, keep, type Document, documentsOf, type Scene } from './scene.ts'
import { maxBytesOfOurs } from './targets.ts'

export function proveUploads(scene: () => Scene): void {
  const list = async (query = '') => {
    const { client, founder } = scene()
    const answer = await client.call(`GET ${documentsOf(scene())}${query}`, { token: founder.token })
    return { documents: answer.body as Document[], link: answer.headers.get('link') }
  }

  it.each([
    ['a PDF', 'Lisensie “2026”, ñ 📄.pdf', makePdf({ bytes: 200_000, seed: 'acceptance' }), 'application/pdf'],
    ['a JPEG', 'photo.JPG', makeJpeg(), 'image/jpeg'],
    ['a PNG', 'scan.png', makePng(), 'image/png'],
  ])('%s that is uploaded is described, listed and looked at', async (_what, fileName, bytes, mimeType) => {
    const { client, founder, firmId } = scene()
    const answer = await upload(scene(), { bytes, fileName })
    const document = answer.body as Document

    expect(answer.status).toBe(201)
    expect(answer.headers.get('location')).toBe(`${documentsOf(scene())}/${document.id}`)
    expect(document).toMatchObject({
      firm_id: firmId,
      document_type: 'registration_certificate',
      file_name: fileName,
      file_size: bytes.length,
      mime_type: mimeType,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      version: 1,
      uploaded_by: founder.id,
      is_verified: false,
      review_status: 'pending',
      deleted_at: null,
    })
    const one = await client.call(`GET ${documentsOf(scene())}/${document.id}`, { token: founder.token })
    expect([one.status, one.headers.has('etag')]).toEqual([200, true])
    expect(one.body).toEqual(document)
    expect((await list('?limit=1')).documents).toEqual([document])
  })

  it('by the id or the code of its type', async () => {
    const { client, founder } = scene()
    const type = await client.call('GET /api/v1/document-types/tax_clearance', { token: founder.token })
    const document = await keep(scene(), { bytes: makePdf(), type: (type.body as { id: string }).id })
    expect(document.document_type).toBe('tax_clearance')
  })

  it('every document is on exactly one page, newest first, and can be filtered by type', async () => {
    const kept = [
      await keep(scene(), { bytes: makePdf(), type: 'bank_statement', fileName: 'one.pdf' }),
      await keep(scene(), { bytes: makePdf(), type: 'bank_statement', fileName: 'two.pdf' }),
      await keep(scene(), { bytes: makePdf(), type: 'bank_statement', fileName: 'three.pdf' }),
    ]
    const { client, founder } = scene()
    const seen: string[] = []
    let next: string | undefined = `${documentsOf(scene())}?limit=2`
    while (next !== undefined) {
      const page = await client.call(`GET ${next}`, { token: founder.token })
      seen.push(...(page.body as Document[]).map(({ id }) => id))
      next = /<([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1]
    }

    const newestFirst = kept.toReversed().map(({ id }) => id)
    expect(seen.slice(0, 3)).toEqual(newestFirst)
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen).toEqual((await list()).documents.map(({ id }) => id))
    expect((await list('?document_type=bank_statement')).documents.map(({ id }) => id)).toEqual(newestFirst)
  })

  it('only if it matches the hash of the client', async () => {
    const bytes = makePdf({ seed: 'hashed' })
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const right = await upload(scene(), { bytes, query: { sha256 } })
    const wrong = await upload(scene(), {
      bytes,
      query: { sha256: sha256.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) },
    })

    expect(right.status).toBe(201)
    expect(refusalIn(wrong)).toBe('422 validation_failed')
  })

  it('once for an idempotency key; another file with the same key is a conflict', async () => {
    const headers = { 'idempotency-key': randomUUID() }
    const before = (await list()).documents.length
    const [first, again] = [
      await upload(scene(), { bytes: makePdf(), headers }),
      await upload(scene(), { bytes: makePdf(), headers }),
    ]
    const other = await upload(scene(), { bytes: makePdf({ seed: 'other' }), headers })

    expect([first.status, again.status]).toEqual([201, 201])
    expect(again.body).toEqual(first.body)
    expect(refusalIn(other)).toBe('409 conflict')
    expect((await list()).documents).toHaveLength(before + 1)
  })

  it('a member uploads and reads; a stranger and a request without a token do neither', async () => {
    const { client, founder, colleague, stranger, firmId } = scene()
    const member = `/api/v1/security-firms/${firmId}/members`
    await client.call(`POST ${member}`, { token: founder.token, json: { email: colleague.email, role: 'field_staff' } })
    await acceptInvitation(scene(), colleague)
    const byMember = await upload(scene(), { bytes: makePdf(), token: colleague.token })
    await client.call(`DELETE ${member}/${colleague.id}`, { token: founder.token })

    expect(byMember.status).toBe(201)
    expect(refusalIn(await upload(scene(), { bytes: makePdf(), token: colleague.token }))).toBe('403 not_a_member')
    expect(refusalIn(await upload(scene(), { bytes: makePdf(), token: stranger.token }))).toBe('403 not_a_member')
    expect(refusalIn(await upload(scene(), { bytes: makePdf(), token: undefined }))).toBe('401 unauthenticated')
  })

  it.each([
    ['an empty file', { bytes: Buffer.alloc(0) }, '422 empty_file'],
    ['a program that calls itself PDF', { bytes: Buffer.from(`MZ${'\0'.repeat(3000)}`) }, '415 unsupported_type'],
    ['a page that calls itself PDF', { bytes: Buffer.from('<!doctype html><p>hi') }, '415 unsupported_type'],
    ['a PDF called PNG', { bytes: makePdf(), fileName: 'a.png' }, '415 unsupported_type'],
    ['a second extension', { bytes: makePdf(), fileName: 'a.pdf.exe' }, '415 unsupported_type'],
    ['a type that is not in the list', { bytes: makePdf(), type: 'diary' }, '422 validation_failed'],
    ['a hash that is none', { bytes: makePdf(), query: { sha256: 'x' } }, '422 validation_failed'],
  ])('%s is refused with a sentence, and nothing is kept', async (_what, wish, expected) => {
    const before = (await list()).documents.length
    const answer = await upload(scene(), wish)

    expect(refusalIn(answer)).toBe(expected)
    expect(problemIn(answer).detail).toMatch(/^[A-Z].{10,}/)
    expect((await list()).documents).toHaveLength(before)
  })
}

/** The maximum size is known only for a service that was started here. */
export function proveLimit(scene: () => Scene): void {
  it('a file of exactly the limit is accepted; one byte more gets 413, and nothing is stored', async () => {
    const most = await upload(scene(), { bytes: makePdf({ bytes: maxBytesOfOurs }), type: 'annual_return' })
    const more = await upload(scene(), { bytes: makePdf({ bytes: maxBytesOfOurs + 1 }), type: 'annual_return' })
    const { client, founder } = scene()
    const kept = await client.call(`GET ${documentsOf(scene())}?document_type=annual_return`, { token: founder.token })

    expect(most.status).toBe(201)
    expect(refusalIn(more)).toBe('413 too_large')
    expect(kept.body).toHaveLength(1)
  })
}

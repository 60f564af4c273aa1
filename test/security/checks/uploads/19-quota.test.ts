import { randomUUID } from 'node:crypto'

import { describe, expect, it } from 'vitest'

import type { DocumentShape } from '../../../../src/contract/documents.ts'
import type { FirmDetailsShape } from '../../../../src/contract/people.ts'
import type { FirmId } from '../../../../src/vocabulary/vocabulary.ts'
import { problemOf, uploadDocument, uploadFile, type UploadOptions } from '../../../support/documents/call-documents.ts'
import { addVersion, restoreVersion } from '../../../support/documents/call-versions.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { freshMigratedDatabase } from '../../../support/database/fresh-database.ts'
import { makePdf } from '../../../support/files/make-files.ts'
import { makePerson, type Person } from '../../../support/people/people.ts'
import { sceneOfFile } from '../../../support/service/scene-of-file.ts'
import { startService } from '../../../support/service/start-service.ts'
import { describeCheck } from '../../describe-check.ts'
import { listStored } from '../../connections/list-stored.ts'
import { asChunk, formStart, openRaw, uploadHead } from '../../../support/http/raw-connection.ts'

const mebibyte = 1024 * 1024

const scene = sceneOfFile(async (closing) => {
  const database = await freshMigratedDatabase()
  closing.defer(() => database.drop())
  const open = async () => {
    const service = await startService({ DATABASE_URL: database.url, MAX_UPLOAD_BYTES: String(30 * mebibyte) })
    closing.defer(() => service.stop())
    return service
  }
  const first = await open()
  return { first, second: await open(), administrator: await makePerson(first.app, { role: 'admin' }) }
})

type Firm = { firm: FirmId; admin: Person }

async function firmWith(quota: { bytes?: number; documents?: number }): Promise<Firm> {
  const made = await firmWithAdmin(scene.first)
  await setQuota(made.firm, quota)
  return made
}

async function setQuota(firm: FirmId, quota: object): Promise<void> {
  const answer = await fetch(`${scene.first.url}/api/v1/security-firms/${firm}`, {
    method: 'PATCH',
    headers: { ...scene.administrator.headers, 'content-type': 'application/json' },
    body: JSON.stringify({ quota }),
  })
  if (answer.status !== 200) throw new Error(`no quota: ${answer.status} ${await answer.text()}`)
}

async function usageOf({ firm, admin }: Firm): Promise<FirmDetailsShape['usage']> {
  const answer = await fetch(`${scene.second.url}/api/v1/security-firms/${firm}`, { headers: admin.headers })
  return ((await answer.json()) as FirmDetailsShape).usage
}

const fileOf = (bytes: number) => makePdf({ bytes, seed: randomUUID() })

/** This number of uploads at once, at both instances. */
async function atOnce({ firm, admin }: Firm, count: number, options: () => UploadOptions): Promise<number[]> {
  const urls = [scene.first.url, scene.second.url]
  const answers = await Promise.all(
    Array.from({ length: count }, (_, index) => uploadFile(urls[index % 2] ?? '', firm, admin, options())),
  )
  await Promise.all(answers.map((answer) => answer.arrayBuffer()))
  return answers.map(({ status }) => status).toSorted((a, b) => a - b)
}

async function expectNoRoom(answer: Response, ...words: string[]): Promise<void> {
  const problem = await problemOf(answer)
  expect([answer.status, problem.code]).toEqual([429, 'quota_exceeded'])
  for (const word of [...words, 'Delete documents', 'support']) expect(problem.detail).toContain(word)
  // Waiting does not help.
  expect(answer.headers.get('retry-after')).toBeNull()
}

const args = ({ firm, admin }: Firm) => [firm, admin] as const

describeCheck(19, () => {
  describe('a firm’s documents', () => {
    it('above its quota are 429 and leave nothing; a new version of an existing one is accepted', async () => {
      const { firm, admin } = await firmWith({ documents: 2 })
      const { id } = await uploadDocument(scene.first.url, firm, admin)
      await uploadDocument(scene.second.url, firm, admin)
      const before = await listStored(scene.first)

      await expectNoRoom(await uploadFile(scene.first.url, firm, admin), 'may store 2 documents and stores 2')

      expect(await listStored(scene.first)).toEqual(before)
      expect((await addVersion(scene.first.url, { firm, id }, admin)).status).toBe(201)
      expect(await usageOf({ firm, admin })).toMatchObject({ documents: 2 })
    })

    it('uploaded to two instances at once are accepted exactly up to the quota', async () => {
      const of = await firmWith({ documents: 5 })

      expect(await atOnce(of, 24, () => ({}))).toEqual([...Array(5).fill(201), ...Array(19).fill(429)])
      expect(await usageOf(of)).toMatchObject({ documents: 5 })
    })

    it('do not count for another firm', async () => {
      await uploadDocument(scene.first.url, ...args(await firmWith({ documents: 1 })))
      const other = await firmWith({ documents: 1 })

      expect((await uploadFile(scene.first.url, other.firm, other.admin)).status).toBe(201)
    })
  })

  describe('a firm’s bytes', () => {
    it('fill its quota to the last byte, and one more is 429', async () => {
      const { firm, admin } = await firmWith({ bytes: 200_000 })
      await uploadDocument(scene.first.url, firm, admin, { bytes: fileOf(100_000) })

      await expectNoRoom(await uploadFile(scene.second.url, firm, admin, { bytes: fileOf(100_001) }), '195.3 KB')
      expect((await uploadFile(scene.second.url, firm, admin, { bytes: fileOf(100_000) })).status).toBe(201)
      expect(await usageOf({ firm, admin })).toEqual({ bytes: 200_000, documents: 2 })
    })

    it('uploaded to two instances at once never exceed the quota', async () => {
      const of = await firmWith({ bytes: 7 * 10_000 + 9999 })

      const statuses = await atOnce(of, 24, () => ({ bytes: fileOf(10_000) }))

      expect(statuses).toEqual([...Array(7).fill(201), ...Array(17).fill(429)])
      expect(await usageOf(of)).toEqual({ bytes: 70_000, documents: 7 })
    })

    it('count every version, including restored ones, which are rejected alike', async () => {
      const { firm, admin } = await firmWith({ bytes: 45_000 })
      const { id } = await uploadDocument(scene.first.url, firm, admin, { bytes: fileOf(20_000) })
      expect((await addVersion(scene.first.url, { firm, id }, admin, { bytes: fileOf(20_000) })).status).toBe(201)
      const before = await listStored(scene.first)

      await expectNoRoom(
        await addVersion(scene.first.url, { firm, id }, admin, { bytes: fileOf(5001) }),
        'of files',
      )
      await expectNoRoom(await restoreVersion(scene.first.url, { firm, id }, admin, 1), 'of files')

      expect(await listStored(scene.first)).toEqual(before)
      expect((await addVersion(scene.first.url, { firm, id }, admin, { bytes: fileOf(5000) })).status).toBe(201)
    })

    it('of a declared length are rejected before the file is read, and without one after it has arrived', async () => {
      const { firm, admin } = await firmWith({ bytes: 50_000 })
      const { authorization } = admin.headers
      const before = await listStored(scene.first)

      const declared = await openRaw(scene.first.url)
      await declared.send(uploadHead(firm, authorization, `Content-Length: ${800 * 1024}`))
      await declared.send(Buffer.concat([Buffer.from(formStart), fileOf(5000)]))
      const early = await declared.answer
      const form = Buffer.concat([Buffer.from(formStart), fileOf(60_000), Buffer.from('\r\n--cut--\r\n')])
      const chunked = await openRaw(scene.first.url)
      await chunked.send(uploadHead(firm, authorization, 'Transfer-Encoding: chunked', 'Connection: close'))
      await chunked.send(
        Buffer.concat([Buffer.from(`${form.length.toString(16)}\r\n`), form, Buffer.from('\r\n0\r\n\r\n')]),
      )
      const late = await chunked.answer

      for (const { status, body } of [early, late]) {
        expect(status).toBe(429)
        expect(body).toContain('quota_exceeded')
      }
      expect(await listStored(scene.first)).toEqual(before)
    })

    it('without a declared length are rejected when they exceed the free space, before the end', async () => {
      const { firm, admin } = await firmWith({ bytes: 100_000 })
      const { authorization } = admin.headers
      const connection = await openRaw(scene.first.url)
      await connection.send(uploadHead(firm, authorization, 'Transfer-Encoding: chunked'))
      await connection.send(asChunk(Buffer.concat([Buffer.from(formStart), fileOf(200_000)])))
      const { status, body } = await connection.answer

      expect(status).toBe(429)
      expect(body).toContain('quota_exceeded')
      expect(scene.first.app.spool.bytes()).toBe(0)
    })

    it('of a large file without a declared length can fill the quota to the last byte', async () => {
      const bytes = fileOf(17 * mebibyte)
      const { firm, admin } = await firmWith({ bytes: bytes.length })

      await expectNoRoom(
        await uploadFile(scene.first.url, firm, admin, { bytes: fileOf(bytes.length + 1) }),
        'may store 17 MB',
        'stores 0 bytes',
      )
      expect((await uploadFile(scene.first.url, firm, admin, { bytes })).status).toBe(201)
      expect(await usageOf({ firm, admin })).toEqual({ bytes: bytes.length, documents: 1 })
    })
  })

  it('of an upload in progress are reserved until it is abandoned', async () => {
    const { firm, admin } = await firmWith({ bytes: 20 * mebibyte })
    const connection = await openRaw(scene.first.url)
    const { authorization } = admin.headers
    await connection.send(uploadHead(firm, authorization, `Content-Length: ${18 * mebibyte}`))
    await connection.send(formStart)
    await connection.send(fileOf(18 * mebibyte).subarray(0, 17 * mebibyte))
    const open = () =>
      scene.first.app.db
        .selectFrom('document_blobs')
        .select('reserved_bytes')
        .where('firm_id', '=', firm)
        .where('state', '=', 'incoming')
        .execute()
    await expect.poll(open).toEqual([{ reserved_bytes: String(18 * mebibyte) }])
    const bytes = fileOf(3 * mebibyte)

    await expectNoRoom(await uploadFile(scene.second.url, firm, admin, { bytes }), 'may store 20 MB', 'stores 18 MB')
    connection.drop()
    await expect.poll(open).toEqual([])
    expect((await uploadFile(scene.second.url, firm, admin, { bytes })).status).toBe(201)
  })

  describe('an answered upload that is repeated under its key', () => {
    it.each([
      ['small', 20_000],
      ['large', 17 * mebibyte],
    ])('gets its document although the firm is full: a %s one', async (_what, size) => {
      const bytes = fileOf(size)
      const { firm, admin } = await firmWith({ bytes: size, documents: 1 })
      const headers = { 'idempotency-key': randomUUID() }
      const { id } = await uploadDocument(scene.first.url, firm, admin, { bytes, headers })

      const again = await uploadFile(scene.second.url, firm, admin, { bytes, headers })
      const other = await uploadFile(scene.second.url, firm, admin, { bytes: fileOf(size), headers })

      expect([again.status, ((await again.json()) as DocumentShape).id]).toEqual([201, id])
      expect((await problemOf(other)).code).toBe('conflict')
    })

    it('gets its version although the firm is full', async () => {
      const { firm, admin } = await firmWith({ bytes: 40_000 })
      const { id } = await uploadDocument(scene.first.url, firm, admin, { bytes: fileOf(20_000) })
      const options = { bytes: fileOf(20_000), headers: { 'idempotency-key': randomUUID() } }
      const send = () => addVersion(scene.first.url, { firm, id }, admin, options)

      expect([(await send()).status, (await send()).status]).toEqual([201, 201])
      expect(await usageOf({ firm, admin })).toEqual({ bytes: 40_000, documents: 1 })
    })
  })

  it('the platform’s rows count, and are never rejected', async () => {
    const { firm, admin } = await firmWith({ bytes: 30_000, documents: 2 })
    for (let count = 0; count < 3; count += 1)
      await scene.first.app.db
        .insertInto('firm_documents')
        .values({
          id: randomUUID() as never, // the id of a new document
          firm_id: firm,
          document_type: 'tax_clearance',
          file_name: 'clearance.pdf',
          file_path: `security_firms/${firm}/tax_clearance_${randomUUID()}.pdf`,
          file_size: 20_000,
          mime_type: 'application/pdf',
          uploaded_by: admin.id,
          is_verified: false,
        })
        .execute()

    expect(await usageOf({ firm, admin })).toEqual({ bytes: 60_000, documents: 3 })
    await expectNoRoom(await uploadFile(scene.first.url, firm, admin), 'may store 2 documents and stores 3')
  })

  it('an administrator’s quota is effective at once, and the default applies again after its removal', async () => {
    const { firm, admin } = await firmWith({ documents: 1 })
    await uploadDocument(scene.first.url, firm, admin)
    expect((await uploadFile(scene.second.url, firm, admin)).status).toBe(429)

    await setQuota(firm, { documents: 2 })
    expect((await uploadFile(scene.second.url, firm, admin)).status).toBe(201)
    expect((await uploadFile(scene.second.url, firm, admin)).status).toBe(429)
    await setQuota(firm, { documents: null })
    expect((await uploadFile(scene.second.url, firm, admin)).status).toBe(201)
  })
})

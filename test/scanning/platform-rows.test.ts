import { insertFirmWithAdmin } from '../support/platform/insert-firm-with-admin.ts'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import {
  compareAllRows,
  type Beside,
  download,
  openGround,
  rowsOf,
  startBeside,
} from '../support/platform/platform-scene.ts'
import { callDocuments } from '../support/documents/call-documents.ts'
import { type ClamdInHand, clamdInHand } from '../support/run/controlled-clamd.ts'
import { makeInfectedPdf } from '../support/files/infected-files.ts'
import { makePdf } from '../support/files/make-files.ts'
import type { Person } from '../support/people/people.ts'
import { insertPlatformDocument } from '../support/platform/platform-documents.ts'
import { sweep } from '../support/scanning/sweep.ts'

let clamd: ClamdInHand
let beside: Beside
let firm: FirmId
let admin: Person
beforeAll(async () => {
  clamd = await clamdInHand()
  const ground = await openGround()
  beside = await startBeside(ground, { CLAMD_URL: clamd.url })
  ;({ firm, admin } = await insertFirmWithAdmin(ground))
})
afterAll(async () => {
  await beside?.service.stop()
  await beside?.remove()
  await clamd?.remove()
})

const upload = (bytes: Buffer) => insertPlatformDocument(beside.platform, beside.files, firm, { bytes })
const shown = async (id: string) =>
  (await beside.platform.query('select * from firm_documents where id = $1', [id])).rows[0]

describe('a document of the platform, with a scanner', () => {
  it('is served here only after its scan, and its row stays as the platform wrote it', async () => {
    const { id, bytes } = await upload(makePdf({ seed: 'written by the platform' }))
    const before = await shown(id)
    const held = await callDocuments(beside.service.url, firm, admin, `/${id}`)
    expect(await held.json()).toMatchObject({ scan_status: 'pending' })
    expect(await download(beside.service, firm, admin, id)).toMatchObject({ status: 409 })

    expect(await sweep(beside.service)).toEqual({ clean: 1 })

    expect(await shown(id)).toEqual(before)
    const given = await download(beside.service, firm, admin, id)
    expect(given.bytes.equals(bytes)).toBe(true)
  })

  it('loses its row when it is infected, and is in quarantine, not in the trash', async () => {
    const { id } = await upload(makeInfectedPdf())

    expect(await sweep(beside.service)).toEqual({ infected: 1 })

    expect(await shown(id)).toBeUndefined()
    expect(await rowsOf(beside.service, id)).toMatchObject({
      documents: [{ deleted_at: null }],
      versions: [{ scan_status: 'infected', bytes_state: 'removed', scan_found: 'Eicar-Test-Signature.UNOFFICIAL' }],
      actions: ['document.adopted', 'document.quarantined'],
    })
    expect(await download(beside.service, firm, admin, id)).toMatchObject({ status: 409 })
  })

  it('can be verified and renamed by the platform while it is pending', async () => {
    const { id } = await upload(makePdf({ seed: 'renamed' }))
    await beside.platform.query(
      `update firm_documents set is_verified = true, file_name = 'new.pdf', verified_at = now() where id = $1`,
      [id],
    )
    await sweep(beside.service)
    const seen = await callDocuments(beside.service.url, firm, admin, `/${id}`)
    expect(await seen.json()).toMatchObject({ scan_status: 'clean', file_name: 'new.pdf', is_verified: true })
    expect(await shown(id)).toMatchObject({ is_verified: true, file_name: 'new.pdf' })
  })

  it('is scanned again when the platform replaces its content', async () => {
    const { id } = await upload(makePdf({ seed: 'first' }))
    await sweep(beside.service)
    await beside.platform.query('update firm_documents set file_size = file_size + 1 where id = $1', [id])
    expect(await download(beside.service, firm, admin, id)).toMatchObject({ status: 409 })
  })

  it('that was deleted is not restored by a later verdict', async () => {
    const { id } = await upload(makePdf({ seed: 'deleted' }))
    await beside.platform.query('delete from firm_documents where id = $1', [id])
    await sweep(beside.service)
    expect(await shown(id)).toBeUndefined()
    expect((await rowsOf(beside.service, id)).documents).toMatchObject([{ deleted_at: expect.any(Date) }])
  })
})

describe('the platform’s row', () => {
  it('shows the last clean version while a new one is pending, and the new one once it is clean', async () => {
    const { id } = await upload(makePdf({ seed: 'one' }))
    await sweep(beside.service)
    const first = await shown(id)
    await addVersion(id, makePdf({ seed: 'two', bytes: 5000 }))
    expect((await shown(id)).file_path).toBe(first.file_path)

    expect(await sweep(beside.service)).toMatchObject({ clean: 1 })

    expect(await shown(id)).toMatchObject({ file_name: 'second.pdf', file_size: 5000, is_verified: false })
    expect((await rowsOf(beside.service, id)).documents).toMatchObject([{ current_version: 2, deleted_at: null }])
  })

  it('is missing while the current version is in quarantine', async () => {
    const { id } = await upload(makePdf({ seed: 'three' }))
    await sweep(beside.service)
    await addVersion(id, makeInfectedPdf())
    await sweep(beside.service)
    expect(await shown(id)).toBeUndefined()
    expect((await rowsOf(beside.service, id)).documents).toMatchObject([{ deleted_at: null }])
  })

  it('is missing while the next version is pending, which is not a deletion by the platform, and shows that version once it is clean', async () => {
    const { id } = await upload(makePdf({ seed: 'four' }))
    await sweep(beside.service)
    await addVersion(id, makeInfectedPdf())
    await sweep(beside.service)
    await addVersion(id, makePdf({ seed: 'five', bytes: 6000 }))
    await compareAllRows(beside.service)
    expect(await shown(id)).toBeUndefined()
    expect((await rowsOf(beside.service, id)).documents).toMatchObject([{ deleted_at: null }])

    await sweep(beside.service)
    expect(await shown(id)).toMatchObject({ file_size: 6000 })
  })
})

/** Another version without a verdict, with its own bytes. */
async function addVersion(id: string, bytes: Buffer): Promise<void> {
  const other = await upload(bytes)
  await sql`
    with taken as (delete from document_versions where document_id = ${other.id} returning *),
    d as (update documents set current_version = current_version + 1 where id = ${id} returning *),
    v as (
      insert into document_versions (firm_id, document_id, version, file_name, file_size, mime_type, store, storage_key,
        scan_status, uploaded_by)
      select d.firm_id, d.id, d.current_version, 'second.pdf', taken.file_size, taken.mime_type, taken.store,
        taken.storage_key, 'pending', taken.uploaded_by
      from d, taken
      returning *
    )
    update document_blobs b set document_id = v.document_id, version_id = v.id, is_platforms = false
    from v where b.document_id = ${other.id} and b.storage_key = v.storage_key`.execute(beside.service.app.db)
  await beside.platform.query('delete from firm_documents where id = $1', [other.id])
}

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import type { DocumentShape } from '../../../../src/contract/documents.ts'
import type { FirmId } from '../../../../src/vocabulary/vocabulary.ts'
import { callDocuments, problemOf, uploadDocument } from '../../../support/documents/call-documents.ts'
import { restoreVersion } from '../../../support/documents/call-versions.ts'
import { type ClamdInHand, clamdInHand } from '../../../support/run/controlled-clamd.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { type FreshBucket, freshBucket } from '../../../support/s3/fresh-bucket.ts'
import { makeInfectedPdf } from '../../../support/files/infected-files.ts'
import { listBucket, listFolder } from '../../../support/s3/list-everything.ts'
import { makePdf } from '../../../support/files/make-files.ts'
import type { Person } from '../../../support/people/people.ts'
import { s3Settings } from '../../../support/s3/s3-settings.ts'
import { signatureOf } from '../../../support/services/programs/clamd.ts'
import { startService, type TestService } from '../../../support/service/start-service.ts'
import { type NumberedClamd, numberSignatures } from '../../../support/scanning/number-signatures.ts'
import { sweep } from '../../../support/scanning/sweep.ts'
import { describeCheck } from '../../describe-check.ts'
import { recordSignatures } from '../../../../src/database/documents/scans.ts'

let clamd: ClamdInHand
let numbered: NumberedClamd
let bucket: FreshBucket
const services: Partial<Record<'S3' | 'local storage', TestService>> = {}
beforeAll(async () => {
  clamd = await clamdInHand()
  numbered = await numberSignatures(clamd)
  bucket = await freshBucket()
  services['S3'] = await startService({ ...s3Settings(bucket), CLAMD_URL: numbered.url })
  services['local storage'] = await startService({ CLAMD_URL: numbered.url })
})
beforeEach(() => clamd.start())
afterAll(async () => {
  await services['S3']?.stop()
  await services['local storage']?.stop()
  await bucket?.remove()
  await numbered?.close()
  await clamd?.remove()
})

const stores = ['S3', 'local storage'] as const
const serviceOn = (store: (typeof stores)[number]): TestService => {
  const service = services[store]
  if (service === undefined) throw new Error('It is started before the tests.')
  return service
}

describeCheck(17, () => {
  describe.each(stores)('A virus that is found only later is quarantined, with files on %s', (store) => {
    it('a file stored without a verdict that is infected goes to quarantine and is never served', async () => {
      const service = serviceOn(store)
      const { firm, admin } = await firmWithAdmin(service)
      await clamd.stop()
      const document = await uploadDocument(service.url, firm, admin, { bytes: makeInfectedPdf() })
      expect(document.scan_status).toBe('pending')
      expect(await sweep(service)).toEqual({})
      await clamd.start()

      expect(await sweep(service)).toEqual({ infected: 1 })

      await expectQuarantined(service, firm, admin, document)
      expect(await actionsOf(service, document)).toEqual(['document.uploaded', 'document.quarantined'])
      const logged = service.logLines
        .map((line) => JSON.parse(line))
        .filter(({ event }) => event === 'document_quarantined')
      expect(logged.at(-1)).toMatchObject({
        level: 'error',
        document_id: document.id,
        signature: expect.stringMatching(/^Eicar/),
      })
    })

    it('a clean file that new signatures detect goes to quarantine, and its links stop working at once', async () => {
      const service = serviceOn(store)
      const { firm, admin } = await firmWithAdmin(service)
      const virus = `a virus of tomorrow on ${store}`
      const bytes = makePdf({ attached: Buffer.from(virus) })
      await sweep(service)
      const document = await uploadDocument(service.url, firm, admin, { bytes })
      const another = await uploadDocument(service.url, firm, admin)
      const link = await linkTo(service, firm, admin, document)
      expect((await fetch(link)).status).toBe(200)
      expect(await sweep(service)).toEqual({})

      await teachClamd(signatureOf(`Tomorrow-${store.slice(-2)}`, virus))

      const scanned = await sweep(service)
      expect(scanned).toMatchObject({ infected: 1, due_again: expect.any(Number) })
      await expectQuarantined(service, firm, admin, document)
      expect((await fetch(link)).status).toBeGreaterThan(400)
      expect(await actionsOf(service, document)).toEqual([
        'document.uploaded',
        'document.downloaded',
        // S3 checks its links itself.
        ...(store === 'S3' ? [] : ['document.link_used']),
        'document.quarantined',
      ])
      expect(await actionsOf(service, another)).toEqual(['document.uploaded'])
      expect(await sweep(service)).toEqual({})
    })

    it('a store that fails during a quarantine serves nothing, and the next run completes it', async () => {
      const service = serviceOn(store)
      const { firm, admin } = await firmWithAdmin(service)
      const document = await uploadDocument(service.url, firm, admin)
      // The state after a process that found the virus was killed right after the verdict.
      await sql`
      with v as (update document_versions set scan_status = 'infected', scan_found = 'Found' where document_id = ${document.id}),
      d as (update documents set shown_version = null where id = ${document.id})
      delete from firm_documents where id = ${document.id}`.execute(service.app.db)
      expect((await callDocuments(service.url, firm, admin, `/${document.id}/download`)).status).toBe(409)

      expect(await sweep(service)).toMatchObject({ put_aside: 1 })
      await expectQuarantined(service, firm, admin, document)
    })
  })

  it('a file older than a month is scanned again once a quarter, and not for each new signature set', async () => {
    const service = serviceOn('local storage')
    const { firm, admin } = await firmWithAdmin(service)
    await sweep(service)
    const old = await uploadDocument(service.url, firm, admin)
    const quarterly = await uploadDocument(service.url, firm, admin)
    await sql`update document_versions set uploaded_at = now() - interval '31 days' where document_id = ${old.id}`.execute(
      service.app.db,
    )
    await sql`update document_versions set scan_due_at = now() - interval '1 hour', scanned_at = now() - interval '90 days',
    uploaded_at = now() - interval '90 days' where document_id = ${quarterly.id}`.execute(service.app.db)
    await sweep(service)
    const before = await scannedAt(service, old)
    expect(await daysUntilAgain(service, quarterly)).toBe(90)

    await teachClamd()
    await sweep(service)
    expect(await scannedAt(service, old)).toEqual(before)
  })

  it('new signatures also detect a version that was restored before its next scan', async () => {
    const service = serviceOn('local storage')
    const { firm, admin } = await firmWithAdmin(service)
    const virus = 'a virus of the day after tomorrow'
    await sweep(service)
    const { id } = await uploadDocument(service.url, firm, admin, { bytes: makePdf({ attached: Buffer.from(virus) }) })
    await teachClamd(signatureOf('Day-After-Tomorrow', virus))
    // The state after a sweep that was killed right after the verdict.
    await recordSignatures(service.app.db, 27_400 + taught)

    expect((await restoreVersion(service.url, { firm, id }, admin, 1)).status).toBe(201)
    await sweep(service)
    const versions = await callDocuments(service.url, firm, admin, `/${id}/versions`)
    expect(await versions.json()).toMatchObject([{ scan_status: 'infected' }, { scan_status: 'infected' }])
  })
})

let taught = 0

/** Gives the scanner new signatures that include this one. */
async function teachClamd(signature?: string): Promise<void> {
  taught += 1
  if (signature !== undefined) {
    await clamd.stop()
    await writeFile(join(clamd.folder, 'db', `${taught}.ndb`), signature)
    await clamd.start()
  }
  numbered.number(27_400 + taught)
}

async function expectQuarantined(service: TestService, firm: FirmId, admin: Person, { id }: DocumentShape) {
  const seen = await callDocuments(service.url, firm, admin, `/${id}`)
  expect(await seen.json()).toMatchObject({ scan_status: 'infected' })
  const download = await callDocuments(service.url, firm, admin, `/${id}/download`)
  expect(download.status).toBe(409)
  expect(await problemOf(download)).toMatchObject({ code: 'quarantined' })

  const { db } = service.app
  const { rows } = await sql<{ key: string; aside: string; bytes_state: string; is_shown: boolean; deleted_at: null }>`
    select v.storage_key as key, q.storage_key as aside, v.bytes_state, d.deleted_at,
      exists (select from firm_documents f where f.id = d.id) as is_shown
    from documents d join document_versions v on v.document_id = d.id
    join document_blobs q on q.source_key = v.storage_key and q.state = 'quarantined'
    where d.id = ${id}`.execute(db)
  expect(rows).toEqual([expect.objectContaining({ bytes_state: 'removed', is_shown: false, deleted_at: null })])
  const lies = [
    ...(await listFolder(service.app.config.uploadsDir)).map(({ path }) => path),
    ...(await listBucket(bucket.client, bucket.name)).map(({ key }) => key),
  ]
  expect(lies).toContain(rows[0]?.aside)
  expect(lies).not.toContain(rows[0]?.key)
}

async function linkTo(service: TestService, firm: FirmId, admin: Person, { id }: DocumentShape): Promise<string> {
  const headers = { accept: 'application/json' }
  const answer = await callDocuments(service.url, firm, admin, `/${id}/download`, { headers })
  const { url } = (await answer.json()) as { url: string }
  return new URL(url, service.url).href
}

async function actionsOf({ app }: TestService, { id }: DocumentShape): Promise<string[]> {
  const rows = await app.db
    .selectFrom('document_events')
    .select('action')
    .where('document_id', '=', id as never)
    .where('action', 'not in', ['document.viewed'])
    .where('outcome', 'in', ['ok', 'infected'])
    .orderBy('occurred_at')
    .execute()
  return rows.map(({ action }) => action)
}

async function scannedAt({ app }: TestService, { id }: DocumentShape) {
  const { scanned_at } = await app.db
    .selectFrom('document_versions')
    .select('scanned_at')
    .where('document_id', '=', id as never)
    .executeTakeFirstOrThrow()
  return scanned_at
}

async function daysUntilAgain({ app }: TestService, { id }: DocumentShape) {
  const { rows } = await sql<{ days: number }>`
    select round(extract(epoch from scan_due_at - now()) / 86400)::int as days from document_versions
    where document_id = ${id}`.execute(app.db)
  return rows[0]?.days
}

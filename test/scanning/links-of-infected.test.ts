import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { callDocuments, problemOf, uploadDocument } from '../support/documents/call-documents.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { findOnDisk } from '../support/scanning/finding-scanner.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

const db = () => service.app.db

/** A document, and the answer to a link that was issued before the infection was found. */
async function linked() {
  const { firm, admin } = await firmWithAdmin(service)
  const { id } = await uploadDocument(service.url, firm, admin)
  const headers = { accept: 'application/json' }
  const answer = await callDocuments(service.url, firm, admin, `/${id}/download`, { headers })
  const { url } = (await answer.json()) as { url: string }
  const follow = async () => {
    const given = await fetch(`${service.url}${url}`)
    return given.ok ? given.arrayBuffer().then(() => given.status) : (await problemOf(given)).code
  }
  expect(await follow()).toBe(200)
  return { id, follow }
}

it('a link to the local disk stops working with the verdict, even if the file cannot be moved to quarantine', async () => {
  const { follow } = await linked()
  const quarantine = join(service.app.config.uploadsDir, 'quarantine')
  await mkdir(service.app.config.uploadsDir, { recursive: true })
  await writeFile(quarantine, 'a file where the folder should be')

  expect(await findOnDisk(service)).toEqual({ infected: 1 })

  expect(service.logLines.some((line) => line.includes('quarantine_failed'))).toBe(true)
  expect(await follow()).toBe('quarantined')
  await rm(quarantine)
  expect(await findOnDisk(service)).toEqual({ put_aside: 1 })
  expect(await follow()).toBe('quarantined')
})

it('a link stays invalid while the original could not be removed after the quarantine', async () => {
  const { id, follow } = await linked()
  await sql`update document_versions set scan_status = 'infected', bytes_state = 'removed' where document_id = ${id}`.execute(
    db(),
  )
  expect(await follow()).toBe('quarantined')
})

it('a link stops working also if the document has moved to S3 and its source is still on the disk', async () => {
  const { id, follow } = await linked()
  await sql`
    with moved as (update document_versions set store = 's3', store_id = null, storage_key = storage_key || 'x' where document_id = ${id}),
    source as (
      update document_blobs set state = 'leaving', due_at = now() + interval '1 day' where document_id = ${id} returning *
    )
    insert into document_blobs (firm_id, document_id, version_id, store, storage_key, state)
    select firm_id, document_id, version_id, 's3', storage_key || 'x', 'live' from source`.execute(db())
  // This service has no S3 to redirect to, and does not serve the source.
  expect(await follow()).toBe('store_unavailable')

  await sql`update document_versions set scan_status = 'infected' where document_id = ${id}`.execute(db())
  expect(await follow()).toBe('quarantined')
})

import { join } from 'node:path'

import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { collectBlobs } from '../../src/documents/stores/collect-blobs.ts'
import { type Beside, openGround, rowsOf, startBeside } from '../support/platform/platform-scene.ts'
import { listFolder } from '../support/s3/list-everything.ts'
import { type FirmWithAdmin, insertFirmWithAdmin } from '../support/platform/insert-firm-with-admin.ts'
import { insertPlatformDocument, platformKey } from '../support/platform/platform-documents.ts'
import type { TestService } from '../support/service/start-service.ts'
import { findOnDisk } from '../support/scanning/finding-scanner.ts'

// Rows of the platform have no store id: of two instances with separate disks, only one has the file.

let lockHolder: Beside & FirmWithAdmin
let other: TestService
beforeAll(async () => {
  const ground = await openGround()
  lockHolder = { ...(await startBeside(ground)), ...(await insertFirmWithAdmin(ground)) }
  other = (await startBeside(ground)).service
})
afterAll(async () => {
  await other?.stop()
  await lockHolder?.service.stop()
  await lockHolder?.remove()
})

const db = () => lockHolder.service.app.db
const upload = () =>
  insertPlatformDocument(
    lockHolder.platform,
    { uploadsDir: join(lockHolder.service.folder, 'uploads') },
    lockHolder.firm,
    {
      filePath: `uploads/${platformKey(lockHolder.firm)}`,
    },
  )
const filesOf = async (service: TestService) =>
  (await listFolder(service.app.config.uploadsDir)).map(({ path }) => path).filter((path) => path.endsWith('.pdf'))
const versionOf = async (id: string) => (await rowsOf(lockHolder.service, id)).versions[0]
const removals = async () =>
  (
    await sql<{ store_id: string | null }>`
      select store_id from document_blobs where state = 'leaving' and due_at is not null`.execute(db())
  ).rows
const collect = async ({ app }: TestService) =>
  collectBlobs({ ...app, now: () => new Date(Date.now() + 2 * 3_600_000), graceMs: 0 }, new AbortController().signal)

const removeNothing = () => Promise.reject(new Error('This disk removes nothing.'))

/** The same service, on a disk that removes nothing. */
const withoutRemovals = (service: TestService): TestService => {
  const { local, ...others } = service.app.stores
  return { ...service, app: { ...service.app, stores: { ...others, local: { ...local, remove: removeNothing } } } }
}

it('an instance without the file uses up no attempt, so the instance with it scans it at once', async () => {
  const { id } = await upload()
  expect(await findOnDisk(other)).toEqual({ unread: 1 })
  expect(await versionOf(id)).toMatchObject({ scan_attempts: 0, bytes_state: 'present' })
  const { rows: due } = await sql<{ isLater: boolean; isSoon: boolean }>`
    select scan_due_at > now() as "isLater", scan_due_at < now() + interval '2 minutes' as "isSoon"
    from document_versions where document_id = ${id}`.execute(db())
  expect(due).toEqual([{ isLater: true, isSoon: true }])

  await sql`update document_versions set scan_due_at = now() where document_id = ${id}`.execute(db())
  expect(await findOnDisk(lockHolder.service)).toEqual({ infected: 1 })
})

it('an infected file that could not be removed is recorded with its disk, and the collector of that disk removes it', async () => {
  const { id, filePath } = await upload()
  expect(await findOnDisk(withoutRemovals(lockHolder.service))).toEqual({ infected: 1 })

  expect(await removals()).toContainEqual({ store_id: lockHolder.service.app.stores.local.storeId })
  expect(await removals()).not.toContainEqual({ store_id: null })
  await collect(other)
  expect(await removals()).not.toEqual([])
  await collect(lockHolder.service)
  expect(await removals()).toEqual([])
  expect(await filesOf(lockHolder.service)).not.toContain(filePath.slice('uploads/'.length))
  expect(await versionOf(id)).toMatchObject({ bytes_state: 'removed' })
})

it('an instance without the infected file removes nothing, and the instance with it moves it to quarantine', async () => {
  const { id, filePath } = await upload()
  const path = filePath.slice('uploads/'.length)
  // The state after a process that found the virus was killed right after the verdict.
  await sql`
    with v as (update document_versions set scan_status = 'infected', scan_found = 'Found' where document_id = ${id}),
    d as (update documents set shown_version = null where id = ${id})
    delete from firm_documents where id = ${id}`.execute(db())

  expect(await findOnDisk(other)).toEqual({})
  expect(await versionOf(id)).toMatchObject({ bytes_state: 'present' })
  expect(await findOnDisk(lockHolder.service)).toEqual({ put_aside: 1 })

  expect(await versionOf(id)).toMatchObject({ bytes_state: 'removed' })
  expect(await filesOf(lockHolder.service)).toContain(`quarantine/${path}`)
  expect(await filesOf(lockHolder.service)).not.toContain(path)
})

it('infected files of another disk do not delay those of this one', async () => {
  const { id } = await upload()
  await sql`update document_versions set scan_status = 'infected', scan_found = 'Found' where document_id = ${id}`.execute(
    db(),
  )
  // More than a page of versions that come before it in the order of the scan.
  await sql`
    with number as (select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid as id from generate_series(1, 250) n),
    d as (
      insert into documents (firm_id, id, document_type, current_version, created_by)
      select ${lockHolder.firm}::uuid, id, 'registration_certificate', 1, ${lockHolder.firm}::uuid from number
      returning firm_id, id, created_by
    )
    insert into document_versions (firm_id, document_id, version, id, is_platforms, file_name, file_size, mime_type, store,
      storage_key, scan_status, scan_found, uploaded_by)
    select firm_id, id, 1, id, true, 'a.pdf', 1000, 'application/pdf', 'local',
      'security_firms/' || firm_id || '/' || id || '.pdf', 'infected', 'Found', created_by
    from d`.execute(db())

  expect(await findOnDisk(lockHolder.service)).toEqual({ put_aside: 1 })
  expect(await versionOf(id)).toMatchObject({ bytes_state: 'removed' })
})

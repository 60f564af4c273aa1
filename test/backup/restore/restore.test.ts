import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'

import type { Db } from '../../../src/database/connection/client.ts'
import { sealAll } from '../../audit/sealed-trail.ts'
import { emptyDatabaseForTest, databaseSettings } from '../../support/cli/database-settings.ts'
import { runCommand, type Settings } from '../../support/cli/run-command.ts'
import { callDocuments, uploadDocument } from '../../support/documents/call-documents.ts'
import { restoreDocument } from '../../support/documents/call-trash.ts'
import { s3Settings } from '../../support/s3/s3-settings.ts'
import { startService, type TestService } from '../../support/service/start-service.ts'
import { freshDatabaseOfTwoRoles } from '../../support/database/two-roles.ts'
import {
  bucketForTest,
  emptyFolder,
  lastOf,
  makeBackup,
  locationWithDocuments,
  scratchPlace,
  sha256Of,
} from '../backup-scene.ts'
import { restoreHere } from './restore-here.ts'

test('a backup moves from server to server and from disk to S3, and the service works with it', async () => {
  const place = await locationWithDocuments()
  const { service, firm, admin, documents } = place
  await sealAll(service.app.db)
  const odd = await addPlatformDocument(service, firm, admin.id)
  const before = await contentOf(service.app.db)
  const waiting = await waitingIn(service.app.db)
  expect(waiting.length).toBeGreaterThan(2)

  // From Debian's server to the newer embedded one, on a disk.
  const created = await place.run(['backup', 'create', place.backups, '--json'])
  const scratch = await scratchPlace()
  const restored = await restoreInto(scratch, place.backups)
  const trail = await runCommand(scratch.folder, ['audit', 'verify', '--json'], scratch)
  const compared = await runCommand(scratch.folder, ['verify', '--json'], scratch)
  expect([created, restored, trail, compared].map(({ code, stderr }) => [code, stderr])).toEqual([
    [0, ''],
    [0, ''],
    [0, ''],
    [0, ''],
  ])
  expect(lastOf(restored.stdout)).toMatchObject({ ok: true, files: { written: 5, renamed: 1, lacking: 0 } })
  expect(lastOf(trail.stdout)).toMatchObject({ ok: true, erased: 0 })
  expect(lastOf(compared.stdout)).toMatchObject({ ok: true, files: 5 })

  // And back into a bucket, with a service that does not own its tables.
  const again = join(scratch.folder, 'backups')
  const second = await runCommand(scratch.folder, ['backup', 'create', again, '--json'], scratch)
  expect(lastOf(second.stdout)).toMatchObject({ ok: true, files: 5, copied: 5 })
  const other = await twoRolesOnS3()
  const back = await restoreInto({ folder: scratch.folder, settings: other }, again)
  expect(back).toMatchObject({ code: 0, stderr: '' })

  const revived = await startService({ ...other, DATA_DIR: join(place.folder, 'revived') })
  onTestFinished(() => revived.stop())
  expect(await contentOf(revived.app.db)).toEqual(before)
  expect(await waitingIn(revived.app.db)).toEqual(waiting)
  await livesOn(revived, place, documents)
  expect(await platformsPath(revived, odd)).toMatch(/^security_firms\/.*\/bank_statement_[0-9a-f-]{36}\.bin$/)
})

test('an infected document is restored as a row without a file, and nothing counts as missing', async () => {
  const place = await locationWithDocuments({ documents: 2 })
  await sql`update document_versions set scan_status = 'infected' where document_id = ${place.documents[1]}::uuid`.execute(
    place.service.app.db,
  )
  const { counts } = await makeBackup(place.service, place.backups)
  const settings = { ...(await emptyDatabaseForTest()), USE_S3_STORAGE: 'false', UPLOADS_DIR: await emptyFolder() }

  const restored = await restoreHere(settings, [place.backups])
  const compared = await runCommand(place.folder, ['verify', '--json'], { settings })

  expect(counts.fates).toEqual({ kept: 2, infected: 1 })
  expect(restored).toMatchObject({ code: 0, stderr: '' })
  expect(restored.last).toMatchObject({ ok: true, files: { written: 2, lacking: 0, infected: 1 } })
  expect(lastOf(compared.stdout)).toMatchObject({ ok: true, files: 2 })
})

type Scene = Awaited<ReturnType<typeof locationWithDocuments>>

/** Downloads, restores from the trash, accepts documents, and continues the sequences. */
async function livesOn(revived: TestService, { firm, admin }: Scene, documents: string[]): Promise<void> {
  const { rows } = await sql<{ id: string; version: number; sha256: string }>`
    select document_id as id, version, sha256 from document_versions where sha256 is not null`.execute(revived.app.db)
  const shown = rows.filter(({ id }) => id !== documents[1])
  for (const { id, version, sha256 } of shown) {
    const link = await callDocuments(revived.url, firm, admin, `/${id}/versions/${version}/download`)
    const bytes = await fetch(link.headers.get('location') ?? '')
    expect(sha256Of(Buffer.from(await bytes.arrayBuffer()))).toBe(sha256)
  }
  const trashed = documents[1] ?? ''
  expect((await restoreDocument(revived.url, { firm, id: trashed }, admin)).status).toBe(200)
  expect(await platformsPath(revived, trashed)).toMatch(/^security_firms\//)
  await uploadDocument(revived.url, firm, admin)
  await expect(sql`update document_events set outcome = 'x'`.execute(revived.app.db)).rejects.toThrow(
    'permission denied',
  )
}

/** A document of the platform, with its own form of key and an additional column. */
async function addPlatformDocument(service: TestService, firm: string, person: string): Promise<string> {
  const id = randomUUID()
  const path = `security_firms/${firm}/old-system_${id}.Scan pdf`
  const file = join(service.folder, 'uploads', path)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, 'from the platform')
  const { db } = service.app
  await sql`alter table firm_documents add column noted_by_platform text`.execute(db)
  await sql`
    insert into firm_documents (id, firm_id, document_type, file_name, file_path, file_size, mime_type, uploaded_by, is_verified, noted_by_platform)
    values (${id}::uuid, ${firm}::uuid, 'bank_statement', 'old.pdf', ${`uploads/${path}`}, 17, 'application/pdf', ${person}::uuid, false, 'keep me')`.execute(
    db,
  )
  return id
}

async function platformsPath({ app }: TestService, id: string): Promise<string | undefined> {
  const { rows } = await sql<{
    path: string
  }>`select file_path as path from firm_documents where id = ${id}::uuid`.execute(app.db)
  return rows[0]?.path
}

/** The review queue, which is in no backup. */
async function waitingIn(db: Db): Promise<unknown[]> {
  const { rows } = await sql`
    select document_id, firm_id, document_type, version, waiting_since, is_scanned from document_review_queue
    order by waiting_since, document_id`.execute(db)
  return rows
}

/** The data that must be equal after every restore. */
async function contentOf(db: Db) {
  const of = async (query: string) => (await sql.raw<object>(query).execute(db)).rows
  return {
    people: await of('select id, email, password_hash, created_at::text from registered_users order by id'),
    firms: await of('select id, name, created_at::text from security_firms order by id'),
    shown: await of('select id, file_name, noted_by_platform, uploaded_by from firm_documents order by id'),
    documents: await of(
      'select firm_id, id, current_version, created_at::text, deleted_at::text from documents order by id',
    ),
    versions: await of(
      'select document_id, version, id, file_name, file_size, case when not is_platforms then sha256 end as sha256, bytes_state, scan_status, scan_due_at::text, scanned_at::text, uploaded_at::text, checklist_type from document_versions order by id',
    ),
    usage: await of(
      'select firm_id, sum(bytes)::text, sum(documents)::text from (select firm_id, bytes, documents from document_usage union all select firm_id, bytes, documents from document_usage_changes) u group by 1',
    ),
    installation: await of('select id::text from document_installation'),
    events: await of(
      `select id, occurred_at::text, transaction_id::text, details::text, personal::text,
         encode(personal_salt, 'hex') as salt, encode(personal_commitment, 'hex') as commitment
       from document_trail where action like 'document.%' and action <> 'document.downloaded' order by id`,
    ),
  }
}

async function twoRolesOnS3(): Promise<Settings> {
  const [roles, bucket] = [await freshDatabaseOfTwoRoles(), await bucketForTest()]
  onTestFinished(() => roles.remove())
  return { ...databaseSettings(''), ...roles.settings, ...s3Settings(bucket) }
}

async function restoreInto({ folder, settings }: { folder: string; settings: Settings }, backups: string) {
  return runCommand(folder, ['backup', 'restore', backups, '--json'], { settings })
}

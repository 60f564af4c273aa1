import { createHash } from 'node:crypto'

import { PutBucketLifecycleConfigurationCommand } from '@aws-sdk/client-s3'
import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import { claimMove } from '../../src/database/blobs/move-blob.ts'
import { moveVersion } from '../../src/documents/moving/move-version.ts'
import { createCopyLimits } from '../../src/documents/stores/walk-versions.ts'
import { systemActor } from '../../src/database/audit/events.ts'
import { listVersionsIn, type StoredVersion } from '../../src/database/documents/versions-in-store.ts'
import { storageKeyOf } from '../../src/storage/storage-key.ts'
import type { ProcessId } from '../../src/vocabulary/vocabulary.ts'
import { download } from '../support/platform/platform-scene.ts'
import { serviceOnBothStores } from '../support/service/both-stores.ts'
import { callDocuments, problemOf, uploadDocument } from '../support/documents/call-documents.ts'
import { restoreDocument } from '../support/documents/call-trash.ts'
import { addVersion } from '../support/documents/call-versions.ts'
import { denyInBucket } from '../support/s3/deny-in-bucket.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { forbidInserts } from '../support/database/forbid-inserts.ts'
import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { listBucket, listFolder } from '../support/s3/list-everything.ts'
import { makePdf } from '../support/files/make-files.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { startService } from '../support/service/start-service.ts'
import {
  collect,
  deletedDaysAgo,
  isThere,
  keepVersions,
  never,
  recordOf,
  purgeAll,
} from '../support/purge/purge-scene.ts'

const stores = serviceOnBothStores()

/** This number of days from now. */
const dayOf = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)

it('a missing permission of the database role ends a purge', async () => {
  const service = stores.onDisk
  const { firm, admin } = await firmWithAdmin(service)
  const { id } = await deletedDaysAgo(service, { firm, admin }, 31)
  const allow = await forbidInserts(service.app.db, 'document_disposals')

  await expect(purgeAll(service)).rejects.toMatchObject({ code: '42501' })
  expect(await isThere(service, id)).toBe(true)
  await allow()
  expect(await purgeAll(service)).toMatchObject({ purged: 1 })
})

const filesOf = async (where: 'onS3' | 'onDisk', firm: string) =>
  where === 'onS3'
    ? (await listBucket(stores.bucket.client, stores.bucket.name)).filter(({ key }) => key.includes(firm))
    : (await listFolder(`${stores.onDisk.folder}/uploads`)).filter(
        ({ path, kind }) => kind === 'file' && path.includes(firm),
      )

for (const where of ['onS3', 'onDisk'] as const)
  describe(`the daily purge (${where})`, () => {
    it('destroys documents after 30 days in the trash, their bytes a day later, and leaves a record', async () => {
      const service = stores[where]
      const { firm, admin } = await firmWithAdmin(service)
      const first = makePdf({ seed: 'first' })
      const { id } = await uploadDocument(service.url, firm, admin, { bytes: first, type: 'bank_statement' })
      await addVersion(service.url, { firm, id }, admin, { bytes: makePdf({ seed: 'second' }) })
      await callDocuments(service.url, firm, admin, `/${id}`, { method: 'DELETE' })
      const younger = await deletedDaysAgo(service, { firm, admin }, 29)
      await sql`update documents set deleted_at = now() - interval '31 days' where id = ${id}::uuid`.execute(
        service.app.db,
      )

      expect(await purgeAll(service)).toMatchObject({ purged: 1 })
      expect([await isThere(service, id), await isThere(service, younger.id)]).toEqual([false, true])
      expect((await problemOf(await callDocuments(service.url, firm, admin, `/${id}`))).code).toBe('not_found')
      expect((await problemOf(await restoreDocument(service.url, { firm, id }, admin))).code).toBe('not_found')
      expect(await filesOf(where, firm)).toHaveLength(3)
      await collect(service)
      expect(await filesOf(where, firm)).toHaveLength(3)
      await collect(service, { inDays: 1.1 })
      expect(await filesOf(where, firm)).toHaveLength(1)

      const { disposals, files } = await recordOf(service, id)
      expect(disposals).toMatchObject([
        {
          firm_id: firm,
          document_type: 'bank_statement',
          created_by: admin.id,
          deleted_by: admin.id,
          why: 'in the trash for 30 days',
          disposed_by: 'the daily job',
          versions: [
            { version: 1, bytes: first.length, sha256: createHash('sha256').update(first).digest('hex') },
            { version: 2, uploaded_by: admin.id },
          ],
        },
      ])
      expect(JSON.stringify(disposals)).not.toContain('licence')
      expect(files).toHaveLength(2)
      for (const file of files) expect(file.state).toBe('destroyed')
      const { rows } = await sql`select action, outcome, details->>'disposal' as disposal from document_events
        where document_id = ${id}::uuid and action = 'document.purged'`.execute(service.app.db)
      expect(rows).toEqual([{ action: 'document.purged', outcome: 'ok', disposal: disposals[0]?.id }])
    })

    it('finds nothing to do in a second run and a second collection', async () => {
      const service = stores[where]
      const own = await firmWithAdmin(service)
      const { id } = await deletedDaysAgo(service, own, 31)
      await purgeAll(service)
      await collect(service, { inDays: 2 })
      const once = await recordOf(service, id)

      expect(await purgeAll(service)).not.toHaveProperty('purged')
      expect(await collect(service, { inDays: 4 })).toMatchObject({ removals: 0 })
      expect(await recordOf(service, id)).toEqual(once)
    })

    it('leaves another firm’s document with the same id and the same file', async () => {
      const service = stores[where]
      const [own, other] = [await firmWithAdmin(service), await firmWithAdmin(service)]
      const bytes = makePdf({ seed: crypto.randomUUID() })
      const { id } = await deletedDaysAgo(service, own, 31, { bytes })
      // The platform gives its row to another firm.
      await sql`
        insert into firm_documents (id, firm_id, document_type, file_name, file_path, file_size, mime_type, uploaded_by, is_verified)
        select document_id, ${other.firm}::uuid, 'bank_statement', file_name,
          case store when 'local' then 'uploads/' else '' end || storage_key, file_size, mime_type, uploaded_by, false
        from document_versions where document_id = ${id}::uuid`.execute(service.app.db)

      expect(await purgeAll(service)).toMatchObject({ purged: 1 })
      await collect(service, { inDays: 1.1 })

      expect((await recordOf(service, id)).files).toMatchObject([{ firm_id: own.firm }])
      const { rows } =
        await sql`select state, disposal_id from document_blobs where firm_id = ${other.firm}::uuid`.execute(
          service.app.db,
        )
      expect(rows).toEqual([{ state: 'live', disposal_id: null }])
      expect((await download(service, other.firm, other.admin, id)).bytes.equals(bytes)).toBe(true)
    })
  })

it('leaves a document that is restored during the purge', async () => {
  const service = stores.onDisk
  const own = await firmWithAdmin(service)
  const { id } = await deletedDaysAgo(service, own, 31)
  const held = service.app.db.transaction().execute(async (trx) => {
    await sql`update documents set deleted_at = null where id = ${id}::uuid`.execute(trx)
    const purging = purgeAll(service)
    await expect
      .poll(async () => {
        const { rows } = await sql`select from pg_stat_activity where wait_event_type = 'Lock'
          and datname = current_database()`.execute(service.app.db)
        return rows.length
      })
      .toBeGreaterThan(0)
    return { purging }
  })
  expect(await (await held).purging).toMatchObject({ not_in_trash: 1 })
  expect(await isThere(service, id)).toBe(true)
})

it('destroys what moves left, also dead ones, and waits for a document that a live mover has claimed', async () => {
  const service = stores.onS3
  const own = await firmWithAdmin(service)
  const { id } = await deletedDaysAgo(service, own, 31)
  const page = { after: undefined, limit: 10 }
  const scope = { store: 's3', storeId: null, firmId: own.firm } as const
  const [version] = await listVersionsIn(service.app.db, scope, page)
  if (version === undefined) throw new Error('it lies on S3')
  const move = { to: 'local', removesSource: false, limits: createCopyLimits(1), signal: never } as const
  expect(await moveVersion(service.app, systemActor('a test'), version, move)).toBe('moved')
  expect(await filesOf('onS3', own.firm)).toHaveLength(1)

  const [moved] = await listVersionsIn(
    service.app.db,
    { ...scope, store: 'local', storeId: service.app.stores.local.storeId },
    page,
  )
  if (moved === undefined) throw new Error('it is on the disk')
  const claim = (processId: ProcessId) =>
    claimMove(service.app.db, processId, {
      ...moved,
      bytes: 1,
      from: moved,
      to: { store: 's3', storeId: null, key: keyBeside(moved) },
    })
  await claim(service.app.processId)
  expect(await purgeAll(service)).toMatchObject({ busy: 1 })
  await sql`update document_blobs set claimed_by = gen_random_uuid() where state = 'incoming'`.execute(service.app.db)

  expect(await purgeAll(service)).toMatchObject({ purged: 1 })
  await collect(service, { inDays: 1.1 })
  expect(await filesOf('onS3', own.firm)).toEqual([])
  const onDisk = await listFolder(`${service.folder}/uploads`)
  expect(onDisk.filter(({ path, kind }) => kind === 'file' && path.includes(own.firm))).toEqual([])
  const { files } = await recordOf(service, id)
  expect(files.map(({ store }) => store).toSorted()).toEqual(['local', 's3', 's3'])
  expect(files.map(({ state }) => state)).toEqual(['destroyed', 'destroyed', 'destroyed'])
})

it('destroys a document whose platform row has an impossible path, and no other document’s bytes', async () => {
  const service = stores.onS3
  const own = await firmWithAdmin(service)
  const odd = await deletedDaysAgo(service, own, 31)
  const other = await deletedDaysAgo(service, own, 31)
  await sql`update document_versions set store = 's3', storage_key = 'documents/old/a.pdf', is_platforms = true
    where document_id = ${odd.id}::uuid`.execute(service.app.db)

  expect(await purgeAll(service)).toMatchObject({ purged: 2 })
  expect(await collect(service, { inDays: 1.1 })).toMatchObject({ left: 0 })

  expect((await recordOf(service, other.id)).files).toMatchObject([{ state: 'destroyed' }])
  expect((await recordOf(service, odd.id)).files).toContainEqual(
    expect.objectContaining({ storage_key: 'documents/old/a.pdf', state: 'destroyed' }),
  )
})

describe('in a bucket that keeps versions', () => {
  it('a removed file is hidden, and the record has the date of its destruction, if known', async () => {
    const bucket = await freshBucket()
    await keepVersions(bucket)
    await bucket.client.send(
      new PutBucketLifecycleConfigurationCommand({
        Bucket: bucket.name,
        LifecycleConfiguration: {
          Rules: [
            {
              ID: 'old',
              Status: 'Enabled',
              Filter: { Prefix: '' },
              NoncurrentVersionExpiration: { NoncurrentDays: 90 },
            },
          ],
        },
      }),
    )
    const { owner } = bucket.s3
    for (const days of [null, 91]) {
      const allowAgain = days === null ? await denyInBucket(bucket, 's3:GetLifecycleConfiguration') : undefined
      const service = await startService({
        ...s3Settings(bucket),
        AWS_ACCESS_KEY_ID: owner.accessKeyId,
        AWS_SECRET_ACCESS_KEY: owner.secretAccessKey,
      })
      const own = await firmWithAdmin(service)
      const { id } = await deletedDaysAgo(service, own, 31)
      await purgeAll(service)
      const first = days === null ? null : dayOf(days + 1.5)
      await collect(service, { inDays: 1.5 })
      const last = days === null ? null : dayOf(days + 1.5)

      const { files } = await recordOf(service, id)
      expect(files).toMatchObject([{ state: 'hidden' }])
      const { rows } = await sql<{ by: string | null }>`select to_char(destroyed_by, 'YYYY-MM-DD') as by
        from document_blobs where disposal_id is not null`.execute(service.app.db)
      expect(rows).toEqual([{ by: expect.toSatisfy((by) => by === first || by === last) }])
      const left = (await listBucket(bucket.client, bucket.name)).filter(({ key }) => key.includes(own.firm))
      expect(left.map(({ kind }) => kind).toSorted()).toEqual(['delete_marker', 'object'])
      await service.stop()
      await allowAgain?.()
    }
    await bucket.remove()
  })
})

const keyBeside = ({ firmId, documentType }: StoredVersion) =>
  storageKeyOf({ firmId, documentType, uuid: crypto.randomUUID(), extension: 'pdf' })

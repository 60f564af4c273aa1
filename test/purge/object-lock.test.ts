import { GetObjectLegalHoldCommand } from '@aws-sdk/client-s3'
import { sql } from 'kysely'
import { expect, it } from 'vitest'

import { systemActor } from '../../src/database/audit/events.ts'
import { listVersionsIn } from '../../src/database/documents/versions-in-store.ts'
import { moveVersion } from '../../src/documents/moving/move-version.ts'
import { createCopyLimits } from '../../src/documents/stores/walk-versions.ts'
import { destroyFiles } from '../../src/documents/purge/destroy-files.ts'
import { holdObjects } from '../../src/documents/purge/disposal.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { deleteDocument } from '../support/documents/call-trash.ts'
import { addVersion } from '../support/documents/call-versions.ts'
import { denyInBucket } from '../support/s3/deny-in-bucket.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { startService } from '../support/service/start-service.ts'
import { never, recordOf, purgeAll } from '../support/purge/purge-scene.ts'

async function openScene(hasLock: boolean) {
  const bucket = await freshBucket(undefined, { ObjectLockEnabledForBucket: hasLock })
  const { owner } = bucket.s3
  const service = await startService({
    ...s3Settings(bucket),
    AWS_ACCESS_KEY_ID: owner.accessKeyId,
    AWS_SECRET_ACCESS_KEY: owner.secretAccessKey,
  })
  const own = await firmWithAdmin(service)
  const { id } = await uploadDocument(service.url, own.firm, own.admin, { type: 'bank_statement' })
  const keysOf = async () =>
    (
      await sql<{
        key: string
      }>`select storage_key as key from document_versions where store = 's3' order by version`.execute(service.app.db)
    ).rows.map(({ key }) => key)
  return {
    bucket,
    service,
    own,
    id,
    keysOf,
    hold: () =>
      sql`insert into document_holds (firm_id, held_by) values (${own.firm}, ${own.admin.id})`.execute(service.app.db),
    release: () => sql`delete from document_holds`.execute(service.app.db),
    run: () => holdObjects(service.app, never),
    async isHeld(key: string) {
      const command = new GetObjectLegalHoldCommand({ Bucket: bucket.name, Key: key })
      const answer = await bucket.client.send(command).catch(() => undefined)
      return answer?.LegalHold?.Status === 'ON'
    },
    async close() {
      await service.stop()
      await bucket.remove()
    },
  }
}

it('with Object Lock, objects of a held firm get its hold, including new versions and moved copies, until it is lifted', async () => {
  const scene = await openScene(true)
  const { service, own, id } = scene
  await scene.hold()
  expect(await scene.run()).toMatchObject({ held: 1 })
  expect(await scene.run()).toMatchObject({ held: 0, released: 0 })

  await addVersion(service.url, { firm: own.firm, id }, own.admin)
  expect(await scene.run()).toMatchObject({ held: 1 })
  const [first = '', second = ''] = await scene.keysOf()
  expect([await scene.isHeld(first), await scene.isHeld(second)]).toEqual([true, true])

  const scope = { store: 's3', storeId: null } as const
  const [version] = await listVersionsIn(service.app.db, scope, { after: undefined, limit: 1 })
  const move = { removesSource: false, limits: createCopyLimits(1), signal: never } as const
  await moveVersion(service.app, systemActor('a test'), version as never, { ...move, to: 'local' })
  const [local] = await listVersionsIn(
    service.app.db,
    { store: 'local', storeId: service.app.stores.local.storeId },
    { after: undefined, limit: 1 },
  )
  await moveVersion(service.app, systemActor('a test'), local as never, { ...move, to: 's3' })
  expect(await scene.run()).toMatchObject({ held: 1, released: 0 })
  const [copy = ''] = await scene.keysOf()
  expect([copy === first, await scene.isHeld(copy), await scene.isHeld(first)]).toEqual([false, true, true])

  // Even if a purge ignored the database's hold, the bucket's hold would prevent the removal.
  expect(await service.app.stores.s3?.versions.destroy(second as never)).toBe('refused')
  expect(await scene.isHeld(second)).toBe(true)

  await scene.release()
  expect(await scene.run()).toMatchObject({ released: 3, held: 0 })
  expect(await scene.isHeld(first)).toBe(false)
  await deleteDocument(service.url, { firm: own.firm, id }, own.admin)
  expect(await purgeAll(service, { inDays: 31 })).toMatchObject({ purged: 1 })
  const outcomes: string[] = []
  await destroyFiles(service.app, {
    documentIds: undefined,
    signal: never,
    onResult: (each) => outcomes.push(each.outcome),
  })
  expect(outcomes).toEqual(['destroyed', 'destroyed', 'destroyed', 'destroyed'])
  expect((await recordOf(service, id)).files).toHaveLength(4)
  await scene.close()
})

it('without Object Lock or the permission for it, nothing fails, and S3 does not count as down', async () => {
  for (const [hasLock, counted] of [
    [false, { no_lock: 1 }],
    [true, { not_allowed: 1 }],
  ] as const) {
    const scene = await openScene(hasLock)
    const allowAgain = hasLock ? await denyInBucket(scene.bucket, 's3:PutObjectLegalHold') : async () => undefined
    await addVersion(scene.service.url, { firm: scene.own.firm, id: scene.id }, scene.own.admin)
    await scene.hold()
    expect(await scene.run()).toMatchObject({ held: 0, ...counted })
    expect(scene.service.app.stores.s3?.outage()).toBeUndefined()
    expect((await uploadDocument(scene.service.url, scene.own.firm, scene.own.admin)).storage).toBe('s3')
    await allowAgain()
    await scene.close()
  }
})

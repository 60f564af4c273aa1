import { setTimeout as sleep } from 'node:timers/promises'

import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import type { Db, Tx } from '../../src/database/connection/client.ts'
import { comparePlatform, restartComparison } from '../../src/database/schema/compare-platform.ts'
import { type ClaimedMove, commitMove, type MoveCommit } from '../../src/database/blobs/move-blob.ts'
import { inTransaction } from '../../src/database/connection/in-transaction.ts'
import type { StoredVersion } from '../../src/database/documents/versions-in-store.ts'
import { migrate } from '../../src/documents/moving/migrate-files.ts'
import { moveVersion } from '../../src/documents/moving/move-version.ts'
import { begin } from '../support/service/begin.ts'
import { waitUntilWaiting } from '../support/database/wait-for-lock.ts'
import {
  actor,
  blobsOf,
  changeVersion,
  claimAndDie,
  firmId,
  upload,
  keysInBucket,
  never,
  openMoves,
  openMovingScene,
  platformPathOf,
  service,
  toS3,
  versionOf,
} from './moving-scene.ts'
import { type DueScan, recordClean, recordInfected } from '../../src/database/documents/scans.ts'

openMovingScene()

/** A pending document without a platform row. */
async function uploadUnscanned() {
  const { document, version } = await upload()
  await changeVersion(document.id, sql`scan_status = 'pending'`)
  await sql`update documents set shown_version = null where id = ${document.id}`.execute(service.app.db)
  await sql`delete from firm_documents where id = ${document.id}`.execute(service.app.db)
  const due: DueScan = { ...version, scanStatus: 'pending', attempts: 0, waitingSince: new Date() }
  return { document, version, due }
}

type Unscanned = Awaited<ReturnType<typeof uploadUnscanned>>

function commit(move: ClaimedMove, { sha256, storeId }: StoredVersion) {
  const facts = { sha256, etag: undefined, objectVersionId: undefined, sourceStoreId: storeId }
  const times = { sourceDueAt: null, targetDueAt: new Date() }
  // Every version of ours has a hash.
  return inTransaction(service.app.db, (trx) => commitMove(trx, actor, move, { ...facts, ...times } as MoveCommit))
}

/** The platform's row once the document is shown. */
async function show(db: Db | Tx, { versionId }: StoredVersion): Promise<void> {
  await sql`
    insert into firm_documents (id, firm_id, document_type, file_name, file_path, file_size, mime_type, uploaded_by,
      is_verified, created_at, updated_at)
    select document_id, firm_id, 'registration_certificate', file_name, 'uploads/' || storage_key, file_size, mime_type,
      uploaded_by, false, now(), now()
    from document_versions where id = ${versionId}`.execute(db)
}

describe('a document whose verdict arrives during its move', () => {
  it('is shown to the platform at its new location, in either order', async () => {
    const { document, version, due } = await uploadUnscanned()
    const move = await claimAndDie(version)
    // Both are paused during their work, in this order.
    const locking = await service.app.db.startTransaction().execute()
    await sql`select from document_versions where id = ${version.versionId} for update`.execute(locking)
    const judging = recordClean(service.app.db, actor, due, { secondsAgo: 0, rescanDays: 90 })
    await waitUntilWaiting(service.app.db, 1)
    const committing = commit(move, version)
    await waitUntilWaiting(service.app.db, 2)
    await locking.commit().execute()

    expect(await judging).toMatchObject({ recorded: true })
    expect(await committing).toBe('committed')
    expect(await versionOf(document.id)).toMatchObject({ store: 's3', storage_key: move.to.key })
    expect(await platformPathOf(document.id)).toBe(move.to.key)
  })

  it('gets its platform row while several transactions wait, without blocking one for another', async () => {
    const { document, version, due } = await uploadUnscanned()
    const move = await claimAndDie(version)
    const { db } = service.app
    const [showing, holding] = [await begin(db), await begin(db)]
    await sql`select from documents where id = ${document.id} for update`.execute(showing)
    await sql`select from document_versions where id = ${version.versionId} for update`.execute(holding)
    // It begins without such a row, and ends with one.
    const judging = recordClean(db, actor, due, { secondsAgo: 0, rescanDays: 90 })
    await waitUntilWaiting(db, 1)
    await show(showing, version)
    await showing.commit().execute()
    const committing = commit(move, version)
    await waitUntilWaiting(db, 2)
    await holding.commit().execute()

    expect(await Promise.all([judging, committing])).toMatchObject([{ recorded: true }, 'committed'])
    expect(await platformPathOf(document.id)).toBe(move.to.key)
  })

  it('goes only into quarantine if it is infected: the copy is removed', async () => {
    const { document, version, due } = await uploadUnscanned()
    const move = await claimAndDie(version)
    await recordInfected(service.app.db, actor, due, 'Found')

    expect(await commit(move, version)).toBe('version_changed')
    expect(await versionOf(document.id)).toMatchObject({ store: 'local', storage_key: version.key })
    expect(await blobsOf(document.id)).toContainEqual(
      expect.objectContaining({ storage_key: move.to.key, state: 'leaving' }),
    )
  })

  it('is not moved at all after that, and delays no migration', async () => {
    const { version, due } = await uploadUnscanned()
    await recordInfected(service.app.db, actor, due, 'Found')
    const before = await keysInBucket()

    expect(await moveVersion(service.app, actor, version, toS3)).toBe('busy')
    const { outcomes } = await migrate(service.app, actor, {
      to: 's3',
      firmId,
      concurrency: 4,
      bytesPerSecond: undefined,
      deletesSource: false,
      patienceMs: 60_000,
      signal: never,
      onResult: () => undefined,
      onWaiting: () => undefined,
    })

    expect(outcomes).toMatchObject({ busy: 0, failed: 0 })
    expect(await openMoves()).toEqual([])
    expect(await keysInBucket()).toEqual(before)
  })

  it('gets its verdict while a comparison has locked a page of the platform’s rows, without a long wait', async () => {
    // In the order of the comparison.
    const [other, own] = [await uploadUnscanned(), await uploadUnscanned()].toSorted((one, two) =>
      one.document.id < two.document.id ? -1 : 1,
    ) as [Unscanned, Unscanned]
    const { db } = service.app
    await show(db, other.version)
    const [holding, holdingOther] = [await begin(db), await begin(db)]
    await sql`select from document_versions where id = ${own.version.versionId} for update`.execute(holding)
    const judging = recordClean(db, actor, own.due, { secondsAgo: 0, rescanDays: 90 })
    await waitUntilWaiting(db, 1)
    await sql`alter table firm_documents disable trigger user`.execute(db)
    await show(db, own.version)
    await sql`update firm_documents set document_type = 'tax_clearance' where id in (${other.document.id}, ${own.document.id})`.execute(
      db,
    )
    await sql`alter table firm_documents enable trigger user`.execute(db)
    await sql`select from documents where id = ${other.document.id} for update`.execute(holdingOther)
    await restartComparison(db)
    const comparing = comparePlatform(db, () => false)
    // Its longest wait, unless it ended at once.
    await Promise.race([comparing, waitUntilWaiting(db, 2)])
    await holding.commit().execute()
    await sleep(450)
    await holdingOther.commit().execute()

    expect(await judging).toMatchObject({ recorded: true })
    expect(await comparing).toBeGreaterThan(0)
  })
})

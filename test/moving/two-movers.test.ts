import { setTimeout as sleep } from 'node:timers/promises'

import { CreateMultipartUploadCommand } from '@aws-sdk/client-s3'
import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import { commitMove, type MoveCommit } from '../../src/database/blobs/move-blob.ts'
import { clearMultipart, recordMultipart } from '../../src/database/blobs/reserve-upload.ts'
import { collectBlobs } from '../../src/documents/stores/collect-blobs.ts'
import { type MoveNeeds, moveVersion } from '../../src/documents/moving/move-version.ts'
import type { StorageKey } from '../../src/vocabulary/vocabulary.ts'
import { listBucket } from '../support/s3/list-everything.ts'
import { makePdf } from '../support/files/make-files.ts'
import { sha256Of } from '../support/files/sha256-of.ts'
import {
  actor,
  bucket,
  blobsOf,
  bytesOf,
  claim,
  claimAndDie,
  deadProcess,
  forgetOpenMoves,
  freshKey,
  upload,
  inTwoDays,
  keysInBucket,
  never,
  openMoves,
  openMovingScene,
  putIntoBucket,
  service,
  toS3,
  versionOf,
} from './moving-scene.ts'

openMovingScene()

const takenOver = async () => (await service.app.metrics.movesResumed.get()).values[0]?.value

describe('two movers', () => {
  it('of the same version: one moves it, the other finds it busy, and there is one copy', async () => {
    const { document, version, file } = await upload()
    const before = await keysInBucket()

    const outcomes = await Promise.all([1, 2, 3].map(() => moveVersion(service.app, actor, version, toS3)))

    expect(outcomes.toSorted()).toEqual(['busy', 'busy', 'moved'])
    expect(sha256Of(await bytesOf(document.id))).toBe(sha256Of(file))
    expect((await keysInBucket()).length).toBe(before.length + 1)
  })

  it('one waits for the other’s commit, finds nothing to move and copies nothing', async () => {
    const { version } = await upload()
    const before = await keysInBucket()
    const first = await claim(version, service.app.processId)
    const committing = await service.app.db.startTransaction().execute()
    const commit = {
      sha256: version.sha256,
      etag: undefined,
      objectVersionId: undefined,
      sourceStoreId: version.storeId,
    }
    const times = { sourceDueAt: null, targetDueAt: new Date() }
    await commitMove(committing, actor, first, { ...commit, ...times } as MoveCommit)

    const second = moveVersion(service.app, actor, version, toS3)
    await untilSomebodyWaits()
    await committing.commit().execute()

    expect(await second).toBe('busy')
    expect(await openMoves()).toEqual([])
    expect(await keysInBucket()).toEqual(before)
  })

  it('one is alive: the other finds the version busy until the claim expires after a minute', async () => {
    const { version } = await upload()
    await claim(version, service.app.processId)
    const before = await takenOver()

    expect(await moveVersion(service.app, actor, version, toS3)).toBe('busy')
    expect(await takenOver()).toBe(before)
    await sql`update document_blobs set claimed_until = now() - interval '1 second' where state = 'incoming'`.execute(
      service.app.db,
    )
    expect(await moveVersion(service.app, actor, version, toS3)).toBe('moved')
    expect(await takenOver()).toBe((before ?? 0) + 1)
  })

  it('one died before its copy: the next resumes its move at once and uses its key', async () => {
    const { document, version } = await upload()
    const dead = await claimAndDie(version)
    const before = (await takenOver()) ?? 0

    expect(await moveVersion(service.app, actor, version, toS3)).toBe('moved')
    expect(await versionOf(document.id)).toMatchObject({ storage_key: dead.to.key })
    expect(await takenOver()).toBe(before + 1)
  })

  it('one died after its copy: the copy is compared and used', async () => {
    const { document, version, file } = await upload()
    const dead = await claimAndDie(version)
    await putIntoBucket(dead.to.key, file)

    expect(await moveVersion(service.app, actor, version, toS3)).toBe('moved')
    expect(await versionOf(document.id)).toMatchObject({ storage_key: dead.to.key })
  })

  it('one died during a multipart copy: its parts are aborted, and none is left', async () => {
    const { document, version } = await upload(17_000_000)
    const dead = await claimAndDie(version)
    const { client, name } = bucket
    const opened = await client.send(new CreateMultipartUploadCommand({ Bucket: name, Key: dead.to.key }))
    await recordMultipart(service.app.db, dead.to.key, opened.UploadId ?? '')

    expect(await moveVersion(service.app, actor, version, toS3)).toBe('moved')

    const things = (await listBucket(client, name)).filter(({ key }) => key === dead.to.key)
    expect(things.map(({ kind }) => kind)).toEqual(['object'])
    expect(await versionOf(document.id)).toMatchObject({ storage_key: dead.to.key })
  })

  it('one lost its move and records its parts late: the parts of the other stay recorded', async () => {
    const { version } = await upload()
    const { to } = await claimAndDie(version)
    await recordMultipart(service.app.db, to.key, 'of the first')
    await recordMultipart(service.app.db, to.key, 'of the second')

    await clearMultipart(service.app.db, to.key, 'of the first')
    expect((await openMoves()).map(({ multipart_id }) => multipart_id)).toContain('of the second')

    await clearMultipart(service.app.db, to.key, 'of the second')
    expect((await openMoves()).map(({ multipart_id }) => multipart_id)).not.toContain('of the second')
    await forgetOpenMoves()
  })

  it('one left other bytes under the key: an alarm is raised, and the version gets another key', async () => {
    const { document, version, file } = await upload()
    const dead = await claimAndDie(version)
    await putIntoBucket(dead.to.key, makePdf({ bytes: 3_000, seed: 'another' }))

    expect(await moveVersion(service.app, actor, version, toS3)).toBe('moved')

    expect((await versionOf(document.id)).storage_key).not.toBe(dead.to.key)
    await collectBlobs(inTwoDays(), never)
    expect(await keysInBucket()).not.toContain(dead.to.key)
    expect(sha256Of(await bytesOf(document.id))).toBe(sha256Of(file))
    expect(service.logLines.some((line) => line.includes('"event":"move_target_wrong"'))).toBe(true)
  })

  it('one died on a move to another store: its move blocks nobody, and its copy is collected', async () => {
    const { document, version } = await upload()
    const key = freshKey()
    await claim(version, deadProcess(), { store: 'local', storeId: null, key })

    expect(await moveVersion(service.app, actor, version, toS3)).toBe('moved')
    expect(await blobsOf(document.id)).toContainEqual(
      expect.objectContaining({ storage_key: key, state: 'leaving', due_at: expect.any(Date) }),
    )
  })

  it('whose claim was taken over during the copy changes no row and removes nothing', async () => {
    const { document, version } = await upload()
    const needs = takenOverWhileWriting()

    expect(await moveVersion(needs, actor, version, toS3)).toBe('busy')

    expect(await versionOf(document.id)).toMatchObject({ store: 'local', storage_key: version.key })
    const [open] = await openMoves()
    expect(await service.app.stores.s3?.stat(open?.storage_key as StorageKey)).toBeDefined()
    await forgetOpenMoves()
  })
})

/** The same needs, with another mover that takes over each move during the write. */
function takenOverWhileWriting(): MoveNeeds {
  const { s3 } = service.app.stores
  if (s3 === undefined) throw new Error('this service has no S3')
  const slow = {
    ...s3,
    async write(...write: Parameters<typeof s3.write>) {
      const stored = await s3.write(...write)
      await sql`update document_blobs set claim_id = gen_random_uuid() where state = 'incoming'`.execute(service.app.db)
      return stored
    },
  }
  return { ...service.app, stores: { ...service.app.stores, s3: slow } }
}

/** Whether a statement in this database waits for a lock. */
async function untilSomebodyWaits(): Promise<void> {
  for (;;) {
    const { rows } = await sql`
      select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
      service.app.db,
    )
    if (rows.length > 0) return
    await sleep(20)
  }
}

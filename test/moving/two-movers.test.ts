import { setTimeout as sleep } from 'node:timers/promises'

import { CreateMultipartUploadCommand } from '@aws-sdk/client-s3'
import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import { type Flip, flipMove } from '../../src/database/flip-move.ts'
import { claimMove } from '../../src/database/moves.ts'
import { forgetMultipart, noteMultipart } from '../../src/database/uploads.ts'
import { collectBytes } from '../../src/documents/collect-bytes.ts'
import { type MoveNeeds, moveVersion } from '../../src/documents/moving/move-version.ts'
import type { StorageKey } from '../../src/vocabulary.ts'
import { listBucket } from '../support/list-everything.ts'
import { makePdf } from '../support/make-files.ts'
import {
  actor,
  bucket,
  bytesOf,
  claimAndDie,
  endLeases,
  freshKey,
  handIn,
  inTwoDays,
  keysInBucket,
  never,
  openMoves,
  openMovingScene,
  putIntoBucket,
  service,
  sha256Of,
  toS3,
  versionOf,
} from './moving-scene.ts'

openMovingScene()

const takenOver = async () => (await service.app.metrics.movesTakenOver.get()).values[0]?.value

describe('two movers', () => {
  it('at the same version: one moves it, the other finds it busy, and there is one copy', async () => {
    const { document, version, file } = await handIn()
    const before = await keysInBucket()

    const outcomes = await Promise.all([1, 2, 3].map(() => moveVersion(service.app, actor, version, toS3)))

    expect(outcomes.toSorted()).toEqual(['busy', 'busy', 'moved'])
    expect(sha256Of(await bytesOf(document.id))).toBe(sha256Of(file))
    expect((await keysInBucket()).length).toBe(before.length + 1)
  })

  it('of which one waits for the other’s flip: then there is nothing left for it to move, and it copies nothing', async () => {
    const { version } = await handIn()
    const before = await keysInBucket()
    const first = await claimAndDie(version)
    const flipping = await service.app.db.startTransaction().execute()
    const flipped = {
      sha256: version.sha256,
      etag: undefined,
      objectVersionId: undefined,
      sourceStoreId: version.storeId,
    }
    await flipMove(flipping, actor, first, { ...flipped, sourceDueAt: null, targetDueAt: new Date() } as Flip)

    const second = moveVersion(service.app, actor, version, toS3)
    await untilSomebodyWaits()
    await flipping.commit().execute()

    expect(await second).toBe('busy')
    expect(await openMoves()).toEqual([])
    expect(await keysInBucket()).toEqual(before)
  })

  it('of which one died before its copy: the next takes its intent over once the lease is over, and uses its key', async () => {
    const { document, version } = await handIn()
    const dead = await claimAndDie(version)

    expect(await takenOver()).toBe(0)
    expect(await moveVersion(service.app, actor, version, toS3)).toBe('busy')
    expect(await takenOver()).toBe(0)
    await endLeases()

    expect(await moveVersion(service.app, actor, version, toS3)).toBe('moved')
    expect(await versionOf(document.id)).toMatchObject({ storage_key: dead.to.key })
    expect(await takenOver()).toBe(1)
  })

  it('of which one died after its copy: what it copied is found to be right, and used', async () => {
    const { document, version, file } = await handIn()
    const dead = await claimAndDie(version)
    await putIntoBucket(dead.to.key, file)
    await endLeases()

    expect(await moveVersion(service.app, actor, version, toS3)).toBe('moved')
    expect(await versionOf(document.id)).toMatchObject({ storage_key: dead.to.key })
  })

  it('of which one died in the midst of a large file: its parts are given up, and nothing of them is left', async () => {
    const { document, version } = await handIn(17_000_000)
    const dead = await claimAndDie(version)
    const { client, name } = bucket
    const opened = await client.send(new CreateMultipartUploadCommand({ Bucket: name, Key: dead.to.key }))
    await noteMultipart(service.app.db, dead.to.key, opened.UploadId ?? '')
    await endLeases()

    expect(await moveVersion(service.app, actor, version, toS3)).toBe('moved')

    const things = (await listBucket(client, name)).filter(({ key }) => key === dead.to.key)
    expect(things.map(({ kind }) => kind)).toEqual(['object'])
    expect(await versionOf(document.id)).toMatchObject({ storage_key: dead.to.key })
  })

  it('of which one, having lost its move, tells of its parts late: the other one’s stay written down', async () => {
    const { version } = await handIn()
    const { to } = await claimAndDie(version)
    await noteMultipart(service.app.db, to.key, 'of the first')
    await noteMultipart(service.app.db, to.key, 'of the second')

    await forgetMultipart(service.app.db, to.key, 'of the first')
    expect((await openMoves()).map(({ multipart_id }) => multipart_id)).toContain('of the second')

    await forgetMultipart(service.app.db, to.key, 'of the second')
    expect((await openMoves()).map(({ multipart_id }) => multipart_id)).not.toContain('of the second')
    await service.app.db.deleteFrom('document_moves').execute()
  })

  it('of which one left other bytes under the key: it alarms, and the version gets another key', async () => {
    const { document, version, file } = await handIn()
    const dead = await claimAndDie(version)
    await putIntoBucket(dead.to.key, makePdf({ bytes: 3_000, seed: 'another' }))
    await endLeases()

    expect(await moveVersion(service.app, actor, version, toS3)).toBe('moved')

    expect((await versionOf(document.id)).storage_key).not.toBe(dead.to.key)
    await collectBytes(inTwoDays(), never)
    expect(await keysInBucket()).not.toContain(dead.to.key)
    expect(sha256Of(await bytesOf(document.id))).toBe(sha256Of(file))
    expect(service.logLines.some((line) => line.includes('"event":"move_target_wrong"'))).toBe(true)
  })

  it('of which one died wanting it elsewhere: that stands in nobody’s way, and what it copied is collected', async () => {
    const { version } = await handIn()
    const key = freshKey()
    await claimMove(service.app.db, { ...version, from: version, to: { store: 'local', storeId: null, key } })
    await endLeases()

    expect(await moveVersion(service.app, actor, version, toS3)).toBe('moved')
    const noted = await service.app.db
      .selectFrom('document_removals')
      .select('storage_key')
      .where('storage_key', '=', key)
      .execute()
    expect(noted).toHaveLength(1)
  })

  it('whose claim was taken over while it copied changes no row and removes nothing', async () => {
    const { document, version } = await handIn()
    const needs = takenOverWhileWriting()

    expect(await moveVersion(needs, actor, version, toS3)).toBe('busy')

    expect(await versionOf(document.id)).toMatchObject({ store: 'local', storage_key: version.key })
    const [open] = await openMoves()
    expect(await service.app.stores.s3?.stat(open?.to_key as StorageKey)).toBeDefined()
    await service.app.db.deleteFrom('document_moves').execute()
  })
})

/** The same needs, but that another mover takes each move over while this one writes. */
function takenOverWhileWriting(): MoveNeeds {
  const { s3 } = service.app.stores
  if (s3 === undefined) throw new Error('this service has no S3')
  const slow = {
    ...s3,
    async write(...write: Parameters<typeof s3.write>) {
      const stored = await s3.write(...write)
      await sql`update document_moves set lease_token = gen_random_uuid()`.execute(service.app.db)
      return stored
    },
  }
  return { ...service.app, stores: { ...service.app.stores, s3: slow } }
}

/** A statement of this database stands before a lock. */
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

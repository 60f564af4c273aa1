import { randomUUID } from 'node:crypto'

import { describe, expect, it } from 'vitest'

import { collectBytes } from '../../src/documents/collect-bytes.ts'
import { makePdf } from '../support/make-files.ts'
import {
  bytesOf,
  claimAndDie,
  firmId,
  freshKey,
  handIn,
  inTwoDays,
  member,
  never,
  openMoves,
  openMovingScene,
  putIntoBucket,
  service,
  sha256Of,
} from './moving-scene.ts'

openMovingScene()

describe('the collector', () => {
  it('ends a dead mover’s intent after the grace and removes what it had copied', async () => {
    const { document, version, file } = await handIn()
    const dead = await claimAndDie(version)
    await putIntoBucket(dead.to.key, file)

    await collectBytes(inTwoDays(), never)

    expect(await openMoves()).toEqual([])
    expect(await service.app.stores.s3?.stat(dead.to.key)).toBeUndefined()
    expect(sha256Of(await bytesOf(document.id))).toBe(sha256Of(file))
  })

  it('never removes bytes that a version names, whatever was noted', async () => {
    const { document, version, file } = await handIn()
    await service.app.db
      .insertInto('document_removals')
      .values({
        firm_id: firmId,
        store: 'local',
        store_id: version.storeId,
        storage_key: version.key,
        due_at: new Date(0),
      })
      .execute()

    await collectBytes(inTwoDays(), never)

    expect(sha256Of(await bytesOf(document.id))).toBe(sha256Of(file))
  })

  it('ends an upload that nobody ended, with the bytes it left, but not before the grace', async () => {
    const key = freshKey()
    const open = {
      id: randomUUID(),
      firm_id: firmId,
      store: 's3',
      store_id: null,
      storage_key: key,
      uploaded_by: member.id,
    }
    await service.app.db
      .insertInto('document_uploads')
      .values({ ...open, store: 's3', id: open.id as never })
      .execute()
    await putIntoBucket(key, makePdf())

    await collectBytes(service.app, never)
    expect(await service.app.stores.s3?.stat(key)).toBeDefined()

    await collectBytes(inTwoDays(), never)
    expect(await service.app.stores.s3?.stat(key)).toBeUndefined()
    expect(await service.app.db.selectFrom('document_uploads').selectAll().execute()).toEqual([])
  })
})

import { rm, writeFile } from 'node:fs/promises'
import { Readable } from 'node:stream'

import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import { collectBlobs } from '../../src/documents/stores/collect-blobs.ts'
import { type MoveNeeds, moveVersion } from '../../src/documents/moving/move-version.ts'
import type { FileStore } from '../../src/storage/file-store.ts'
import { callDocuments } from '../support/documents/call-documents.ts'
import {
  actor,
  bytesOf,
  changeVersion,
  eventsOf,
  firmId,
  upload,
  inTwoDays,
  keysInBucket,
  member,
  never,
  openMoves,
  openMovingScene,
  pathOf,
  platformPathOf,
  service,
  storedVersionOf,
  toS3,
  versionOf,
} from './moving-scene.ts'
import { sha256Of } from '../support/files/sha256-of.ts'

openMovingScene()

describe('a moved version', () => {
  it.each([
    ['small', 3_000],
    ['larger than what is held in memory', 17_000_000],
  ])(
    '%s: is in the other store with the same bytes, and its row and the platform’s row say so',
    async (_size, bytes) => {
      const { document, version, file } = await upload(bytes)

      expect(await moveVersion(service.app, actor, version, toS3)).toBe('moved')

      const moved = await versionOf(document.id)
      expect(moved).toMatchObject({ store: 's3', store_id: null, is_fallback: false, bytes_state: 'present' })
      expect(moved.storage_key).not.toBe(version.key)
      expect(sha256Of(await bytesOf(document.id))).toBe(sha256Of(file))
      expect(await platformPathOf(document.id)).toBe(moved.storage_key)
      expect(await openMoves()).toEqual([])
      const events = await eventsOf(document.id)
      expect(events).toContain('document.moved')
    },
  )

  it('keeps its source during the grace period, and then the collector removes it', async () => {
    const { version } = await upload()
    await moveVersion(service.app, actor, version, toS3)

    await collectBlobs(service.app, never)
    expect(await service.app.stores.local.stat(version.key)).toBeDefined()

    await collectBlobs(inTwoDays(), never)
    expect(await service.app.stores.local.stat(version.key)).toBeUndefined()
  })

  it('keeps its source permanently without a removal time', async () => {
    const { version } = await upload()
    await moveVersion(service.app, actor, version, { ...toS3, removesSource: false })

    await collectBlobs(inTwoDays(), never)

    expect(await service.app.stores.local.stat(version.key)).toBeDefined()
  })

  it('can be moved back', async () => {
    const { document, version, file } = await upload()
    await moveVersion(service.app, actor, version, toS3)
    const onS3 = await storedVersionOf(document.id, 's3')

    expect(await moveVersion(service.app, actor, onS3, { ...toS3, to: 'local' })).toBe('moved')

    expect(await versionOf(document.id)).toMatchObject({
      store: 'local',
      store_id: service.app.stores.local.storeId,
      is_fallback: false,
    })
    expect(sha256Of(await bytesOf(document.id))).toBe(sha256Of(file))
    expect(await platformPathOf(document.id)).toMatch(/^uploads\/security_firms\//)
  })

  it('of the platform gets the hash of its bytes', async () => {
    const { document, version, file } = await upload()
    await changeVersion(document.id, sql`sha256 = null, store_id = null, is_platforms = true`)

    expect(await moveVersion(service.app, actor, { ...version, sha256: null, storeId: null }, toS3)).toBe('moved')

    expect(await versionOf(document.id)).toMatchObject({ sha256: sha256Of(file), store: 's3' })
    await collectBlobs(inTwoDays(), never)
    expect(await service.app.stores.local.stat(version.key)).toBeUndefined()
  })
})

describe('a version with faulty bytes', () => {
  it.each([
    ['small', 3_000],
    ['larger than what is held in memory', 17_000_000],
  ])(
    '%s: is not moved when a byte was changed, but marked, answers gone, and leaves nothing on S3',
    async (_size, bytes) => {
      const { document, version, file } = await upload(bytes)
      await writeFile(pathOf(version.key), spoiled(file))
      const before = await keysInBucket()

      expect(await moveVersion(service.app, actor, version, toS3)).toBe('wrong')

      expect(await versionOf(document.id)).toMatchObject({ store: 'local', bytes_state: 'wrong' })
      expect((await callDocuments(service.url, firmId, member, `/${document.id}/download`)).status).toBe(410)
      expect(await keysInBucket()).toEqual(before)
      expect(await openMoves()).toEqual([])
    },
  )

  it.each([
    ['small', 3_000],
    ['larger than what is held in memory', 17_000_000],
  ])(
    '%s: is not marked when one reading of it alone went wrong, and is moved by the next try',
    async (_size, bytes) => {
      const { document, version, file } = await upload(bytes)
      const needs = readingFirst(spoiled(file))

      await expect(moveVersion(needs, actor, version, toS3)).rejects.toMatchObject({
        name: 'StoreError',
        code: 'unavailable',
      })
      expect(await versionOf(document.id)).toMatchObject({ store: 'local', bytes_state: 'present' })

      expect(await moveVersion(needs, actor, version, toS3)).toBe('moved')
      expect(sha256Of(await bytesOf(document.id))).toBe(sha256Of(file))
    },
  )

  it('is not marked as corrupt when only one read ended early', async () => {
    const { document, version, file } = await upload()
    await changeVersion(document.id, sql`sha256 = null`)
    const ofPlatform = { ...version, sha256: null }
    const needs = readingFirst(file.subarray(0, -1))

    await expect(moveVersion(needs, actor, ofPlatform, toS3)).rejects.toMatchObject({
      name: 'StoreError',
      code: 'unavailable',
    })
    expect(await moveVersion(needs, actor, ofPlatform, toS3)).toBe('moved')
    expect(sha256Of(await bytesOf(document.id))).toBe(sha256Of(file))
  })

  it('is missing, not corrupt, when it is gone at the second read', async () => {
    const { document, version, file } = await upload()
    const needs = readingFirst(spoiled(file))
    await rm(pathOf(version.key))

    expect(await moveVersion(needs, actor, version, toS3)).toBe('missing')
    expect(await versionOf(document.id)).toMatchObject({ store: 'local', bytes_state: 'missing' })
  })

  it.each([
    ['longer', (file: Buffer) => Buffer.concat([file, Buffer.from('x')])],
    ['shorter', (file: Buffer) => file.subarray(0, -1)],
  ])('is not moved when it became %s, also without a known hash', async (_how, change) => {
    const { document, version, file } = await upload()
    await changeVersion(document.id, sql`sha256 = null`)
    await writeFile(pathOf(version.key), change(file))

    expect(await moveVersion(service.app, actor, { ...version, sha256: null }, toS3)).toBe('wrong')
    expect(await versionOf(document.id)).toMatchObject({ store: 'local', bytes_state: 'wrong' })
  })

  it('is marked as missing when its file is missing', async () => {
    const { document, version } = await upload()
    await rm(pathOf(version.key))

    expect(await moveVersion(service.app, actor, version, toS3)).toBe('missing')
    expect(await versionOf(document.id)).toMatchObject({ store: 'local', bytes_state: 'missing' })
  })

  it('is not here, rather than missing, when its row has no store id', async () => {
    const { document, version } = await upload()
    await changeVersion(document.id, sql`store_id = null, is_platforms = true`)
    await rm(pathOf(version.key))

    expect(await moveVersion(service.app, actor, { ...version, storeId: null }, toS3)).toBe('not_here')
    expect(await versionOf(document.id)).toMatchObject({ store: 'local', bytes_state: 'present' })
    await changeVersion(document.id, sql`bytes_state = 'removed'`)
  })
})

function spoiled(file: Buffer): Buffer {
  const bytes = Buffer.from(file)
  bytes[100] = (bytes[100] ?? 0) ^ 1
  return bytes
}

/** The service's disk, whose first read returns these bytes instead of the file. */
function readingFirst(bytes: Buffer): MoveNeeds {
  const { stores } = service.app
  let isFirst = true
  const read: FileStore['read'] = async (key, range) => {
    if (!isFirst) return stores.local.read(key, range)
    isFirst = false
    return Readable.from([bytes])
  }
  return { ...service.app, stores: { ...stores, local: { ...stores.local, read } } }
}

import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'

import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import { collectBytes } from '../../src/documents/collect-bytes.ts'
import { keepBytes } from '../../src/documents/keep-bytes.ts'
import { moveVersion } from '../../src/documents/moving/move-version.ts'
import type { IncomingFile } from '../../src/storage/file-store.ts'
import type { DocumentId, Sha256, UploadId } from '../../src/vocabulary.ts'
import { makePdf } from '../support/make-files.ts'
import {
  actor,
  bytesOf,
  changeVersion,
  claimAndDie,
  firmId,
  freshKey,
  handIn,
  inTwoDays,
  member,
  never,
  openMoves,
  openMovingScene,
  pathOf,
  putIntoBucket,
  service,
  sha256Of,
  toS3,
} from './moving-scene.ts'

openMovingScene()

const failed = async () => (await service.app.metrics.removalsFailed.get()).values[0]?.value

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

  it('gives the room of an upload back whose disk nobody has any more, and leaves it named', async () => {
    const open = { id: randomUUID(), key: freshKey() }
    await sql`insert into document_uploads (id, firm_id, store, store_id, storage_key, uploaded_by, reserved_bytes, reserved_documents)
      values (${open.id}, ${firmId}, 'local', ${randomUUID()}, ${open.key}, ${member.id}, 5000, 1)`.execute(
      service.app.db,
    )
    const reserved = async () => {
      const { rows } = await sql<{ bytes: number; documents: number }>`
        select reserved_bytes::int as bytes, reserved_documents as documents from document_uploads where id = ${open.id}`.execute(
        service.app.db,
      )
      return rows
    }

    await collectBytes(service.app, never)
    expect(await reserved()).toEqual([{ bytes: 5000, documents: 1 }])

    await collectBytes(inTwoDays(), never)
    expect(await reserved()).toEqual([{ bytes: 0, documents: 0 }])
    await sql`delete from document_uploads where id = ${open.id}`.execute(service.app.db)
  })

  it('counts what it cannot remove, and tries that again', async () => {
    const { storeId } = service.app.stores.local
    const key = freshKey()
    // A folder where a file should be.
    await mkdir(pathOf(key), { recursive: true })
    await sql`insert into document_removals (firm_id, store, store_id, storage_key, due_at)
      values (${firmId}, 'local', ${storeId}, ${key}, now())`.execute(service.app.db)
    const before = (await failed()) ?? 0

    expect(await collectBytes(inTwoDays(), never)).toMatchObject({ left: 1 })
    expect(await failed()).toBe(before + 1)
    expect(await collectBytes(inTwoDays(), never)).toMatchObject({ left: 0 })
    await sql`delete from document_removals where storage_key = ${key}`.execute(service.app.db)
  })

  it.each(['missing', 'wrong'])(
    'keeps the source of a move whose target was found %s: it may be the last right copy',
    async (state) => {
      const { document, version } = await handIn()
      await moveVersion(service.app, actor, version, toS3)
      await changeVersion(document.id, sql`bytes_state = ${state}`)

      await collectBytes(inTwoDays(), never)
      expect(await service.app.stores.local.stat(version.key)).toBeDefined()

      await changeVersion(document.id, sql`bytes_state = 'present'`)
      await collectBytes({ ...service.app, now: () => new Date(Date.now() + 5 * 24 * 60 * 60 * 1000) }, never)
      expect(await service.app.stores.local.stat(version.key)).toBeUndefined()
    },
  )

  it('that takes a living upload for dead lets it find itself given up: no 201 whose bytes are gone', async () => {
    const { local } = service.app.stores
    const late = {
      ...local,
      async write(...words: Parameters<typeof local.write>) {
        const stored = await local.write(...words)
        await collectBytes(inTwoDays(), never)
        return stored
      },
    }
    const { usualQuota } = service.app.config
    const needs = { ...service.app, usualQuota, stores: { ...service.app.stores, local: late } }
    const key = freshKey()
    const place = { store: 'local', storeId: local.storeId, key } as const
    const growth = { bytes: makePdf().length, documents: 1 } as const
    const upload = { ...place, id: randomUUID() as UploadId, firmId, uploadedBy: member.id, growth }

    await expect(keepBytes(needs, upload, aFile(), () => Promise.resolve('kept'))).rejects.toThrow(/given up/)

    expect(await local.stat(key)).toBeUndefined()
    expect(await service.app.db.selectFrom('document_uploads').select('id').execute()).toEqual([])
  })
})

function aFile(): IncomingFile {
  const bytes = makePdf()
  const labels = { originalFileName: 'a.pdf', documentType: 'a', firmId, documentId: randomUUID() as DocumentId }
  return {
    contentType: 'application/pdf',
    labels,
    content: { kind: 'memory', bytes, sha256: sha256Of(bytes) as Sha256 },
  }
}

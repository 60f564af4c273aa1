import { mkdir, rm } from 'node:fs/promises'

import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import { drain } from '../../src/documents/moving/drain-fallback.ts'
import { createSpoolSpace } from '../../src/storage/spool/spool.ts'
import { actor, changeVersion, upload, never, openMovingScene, pathOf, service, versionOf } from './moving-scene.ts'

openMovingScene()

describe('the drain', () => {
  it('moves only fallback files', async () => {
    const chosen = await upload()
    const fallback = await upload()
    await changeVersion(fallback.document.id, sql`is_fallback = true`)

    const drained = await drain(service.app, actor, { concurrency: 4, signal: never })

    expect(drained).toMatchObject({ moved: 1, left: 0 })
    expect(await versionOf(fallback.document.id)).toMatchObject({ store: 's3', is_fallback: false })
    expect(await versionOf(chosen.document.id)).toMatchObject({ store: 'local' })
  })

  it('skips an unreadable file and moves the others', async () => {
    const documents = [await upload(), await upload(), await upload()]
    for (const { document } of documents) await changeVersion(document.id, sql`is_fallback = true`)
    const [first] = documents.map(({ version }) => version).toSorted((a, b) => (a.documentId < b.documentId ? -1 : 1))
    if (first === undefined) throw new Error('no document waits')
    await rm(pathOf(first.key))
    await mkdir(pathOf(first.key))

    const drained = await drain(service.app, actor, { concurrency: 1, signal: never })

    expect(drained).toMatchObject({ moved: 2, left: 1 })
    expect(drained.stoppedBy).toBeUndefined()
    expect(await versionOf(first.documentId)).toMatchObject({ store: 'local', bytes_state: 'present' })
  })

  it('skips a large file without room and moves the others', async () => {
    const documents = [await upload(), await upload(17_000_000), await upload()]
    for (const { document } of documents) await changeVersion(document.id, sql`is_fallback = true`)
    const room = createSpoolSpace(async () => ({ freeBytes: 30_000_000 - room.reservedBytes() }))
    const open = async () => {
      const file = await service.app.spool.open()
      const append: typeof file.append = async (chunk) => {
        await room.reserve(chunk.byteLength)
        return file.append(chunk)
      }
      return { ...file, append }
    }
    const needs = { ...service.app, spool: { ...service.app.spool, open } }

    const drained = await drain(needs, actor, { concurrency: 1, signal: never })

    expect(drained.stoppedBy).toBeUndefined()
    const versions = await Promise.all(documents.map(({ document }) => versionOf(document.id)))
    expect(versions.map(({ store }) => store)).toEqual(['s3', 'local', 's3'])
  })
})

import { mkdir, rm } from 'node:fs/promises'

import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import { drain } from '../../src/documents/moving/drain.ts'
import { actor, changeVersion, handIn, never, openMovingScene, pathOf, service, versionOf } from './moving-scene.ts'

openMovingScene()

describe('the drain', () => {
  it('moves fallback files alone', async () => {
    const chosen = await handIn()
    const fallback = await handIn()
    await changeVersion(fallback.document.id, sql`is_fallback = true`)

    const drained = await drain(service.app, actor, { concurrency: 4, signal: never })

    expect(drained).toMatchObject({ moved: 1, left: 0 })
    expect(await versionOf(fallback.document.id)).toMatchObject({ store: 's3', is_fallback: false })
    expect(await versionOf(chosen.document.id)).toMatchObject({ store: 'local' })
  })

  it('passes over one that cannot be read, and moves those behind it', async () => {
    const papers = [await handIn(), await handIn(), await handIn()]
    for (const { document } of papers) await changeVersion(document.id, sql`is_fallback = true`)
    const [first] = papers.map(({ version }) => version).toSorted((a, b) => (a.documentId < b.documentId ? -1 : 1))
    if (first === undefined) throw new Error('no paper waits')
    await rm(pathOf(first.key))
    await mkdir(pathOf(first.key))

    const drained = await drain(service.app, actor, { concurrency: 1, signal: never })

    expect(drained).toMatchObject({ moved: 2, left: 1 })
    expect(drained.stoppedBy).toBeUndefined()
    expect(await versionOf(first.documentId)).toMatchObject({ store: 'local', bytes_state: 'present' })
  })
})

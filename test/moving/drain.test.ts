import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import { drain } from '../../src/documents/moving/drain.ts'
import { actor, changeVersion, handIn, never, openMovingScene, service, versionOf } from './moving-scene.ts'

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
})

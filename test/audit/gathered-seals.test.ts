import { expect, it } from 'vitest'

import { everySeal } from '../../src/audit/every-seal.ts'
import { readSealsSince } from '../../src/database/seals.ts'
import { freshDatabase } from '../support/fresh-database.ts'
import { sceneOfFile } from '../support/scene-of-file.ts'
import { startService } from '../support/start-service.ts'
import { findFaults, sealAll, writeEvents } from './sealed-trail.ts'

const scene = sceneOfFile(async (closing) => {
  const database = await freshDatabase()
  closing.defer(() => database.drop())
  const service = await startService({ DATABASE_URL: database.url })
  closing.defer(() => service.stop())
  return { db: service.app.db }
})

it('a long trail is gathered without each seal reading all that were made before it', async () => {
  await writeEvents(scene.db, 55)
  await sealAll(scene.db)

  const read: number[] = []
  for await (const seal of everySeal(scene.db))
    read.push((await readSealsSince(scene.db, seal.notBefore, seal.number)).length)

  expect(read.length).toBeGreaterThan(5)
  expect(read).toEqual(read.map(() => 0))
  expect((await findFaults(scene.db)).findings).toEqual([])
})

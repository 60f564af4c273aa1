import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

import { expect, test } from 'vitest'

import { systemActor } from '../../../src/database/audit/events.ts'
import { erase } from '../../../src/people/personal-data/erase-person.ts'
import { findTraces } from '../../personal-data/find-traces.ts'
import { emptyDatabaseForTest } from '../../support/cli/database-settings.ts'
import { makePerson } from '../../support/people/people.ts'
import { startService } from '../../support/service/start-service.ts'
import { emptyFolder, makeBackup, locationWithDocuments } from '../backup-scene.ts'
import { restoreHere } from './restore-here.ts'

/** The names of backups have the second of their beginning, and the newest name is the newest backup. */
const nextSecondMs = 1100

test('people who were erased after a backup are erased again by its restore, as newer backups know', async () => {
  const place = await locationWithDocuments({ documents: 2 })
  const { app } = place.service
  const [kept, erased] = [await makePerson(app), place.admin]
  const first = await makeBackup(place.service, place.backups)
  const late = await makePerson(app)
  for (const { id: userId } of [erased, late]) await erase(app, systemActor('a test'), { userId, evenLastAdmin: true })
  await setTimeout(nextSecondMs)
  const second = await makeBackup(place.service, place.backups, { isRowsOnly: true })

  await setTimeout(nextSecondMs)
  const damaged = await makeBackup(place.service, place.backups, { isRowsOnly: true })
  const [part] = damaged.manifest.tables.find((each) => each.name === 'document_erasures')?.parts ?? []
  await rm(join(place.backups, 'backups', damaged.name, part?.file ?? ''))

  const settings = {
    ...(await emptyDatabaseForTest()),
    UPLOADS_DIR: await emptyFolder(),
    JWT_SECRET_KEY: 'a secret for tests that nobody else has',
  }
  const restored = await restoreHere(settings, [place.backups, '--backup', first.name])

  expect(restored).toMatchObject({ code: 0, last: { ok: true, erased_again: 1, not_read: [damaged.name] } })
  expect(restored.said).toContain(
    `could not be read, so people whom only they know as erased are back: ${damaged.name}`,
  )
  expect(restored.said).toContain('Erased again, because a newer backup in the same place knows them as erased: 1.')
  const revived = await startService(settings)
  try {
    expect(await findTraces(revived.app.ownerConnection, [erased.email])).toEqual([])
    expect(await findTraces(revived.app.ownerConnection, [kept.email])).not.toEqual([])
    const known = await revived.app.db.selectFrom('document_erasures').select('user_id').orderBy('erased_at').execute()
    expect(known.map(({ user_id: id }) => id)).toEqual([erased.id, late.id])
  } finally {
    await revived.stop()
  }
  expect(second.manifest.backup.rows_only).toBe(true)
})

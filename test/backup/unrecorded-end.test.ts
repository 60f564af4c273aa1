import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'

import type { Db } from '../../src/database/connection/client.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { emptyFolder, makeBackup, documentsFor, locationWithDocuments, problemsOf } from './backup-scene.ts'

const scene = sceneOfFile(async (closing) => documentsFor(closing, { documents: 1 }))

test('the end of a backup that the database rejected once is recorded once on the second try', async () => {
  const { db } = scene.service.app
  await refuseEnds(db, { times: 1 })

  const { name } = await makeBackup(scene.service, await emptyFolder())

  expect(await outcomeOf(db, name)).toBe('whole')
  expect(await timesInTrail(db, name)).toBe(1)
})

test('a backup whose end cannot be recorded is complete and not failed, and is reported only with its event', async () => {
  const { db } = scene.service.app
  const root = await emptyFolder()
  const refused = await refuseEnds(db, { times: 1000 })

  const ended = makeBackup(scene.service, root)

  await expect(ended).rejects.toThrow(/^The backup \S+ is complete and can be restored, .+ has not recorded it/)
  expect(await refused()).toBe(2)
  const [name = ''] = await readdir(join(root, 'backups'))
  expect(await outcomeOf(db, name)).toBeNull()
  expect(await timesInTrail(db, name)).toBe(0)
  expect(await problemsOf(root)).toEqual([])
})

test('an end whose commit outcome is unknown is not reported again', async () => {
  const { db } = scene.service.app
  const root = await emptyFolder()
  const refused = await refuseEnds(db, { times: 1000, at: 'commit' })

  await expect(makeBackup(scene.service, root)).rejects.toThrow(
    /is complete and can be restored, .+ may not have recorded it/,
  )

  expect(await refused()).toBe(1)
  expect(await problemsOf(root)).toEqual([])
})

test('`backup create` then exits with 1 and prints that the backup is complete', async () => {
  const place = await locationWithDocuments({ documents: 1 })
  await refuseEnds(place.service.app.db, { times: 1000 })

  const ended = await place.run(['backup', 'create', place.backups])

  expect(ended).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/The backup \S+ is complete and can be restored/),
  })
  expect(await problemsOf(place.backups)).toEqual([])
})

/**
 * Makes the database fail this number of times, like a server that is shutting down, at the event or at COMMIT, until
 * the test ends. Returns the number of failures.
 */
async function refuseEnds(db: Db, { times, at = 'event' }: { times: number; at?: 'event' | 'commit' }) {
  // A sequence keeps its count after a rollback.
  await sql`create sequence refused`.execute(db)
  const body = `begin
    if new.action = 'backup.created' and nextval('refused') <= ${times} then
      raise exception 'terminating connection' using errcode = '57P01';
    end if;
    return new;
  end`
  await sql`create function refuse_ends() returns trigger language plpgsql as ${sql.lit(body)}`.execute(db)
  onTestFinished(async () => {
    await sql`drop function refuse_ends() cascade`.execute(db)
    await sql`drop sequence refused`.execute(db)
  })
  await (
    at === 'event'
      ? sql`create trigger refuse_ends before insert on document_events for each row execute function refuse_ends()`
      : sql`create constraint trigger refuse_ends after insert on document_events deferrable initially deferred
          for each row execute function refuse_ends()`
  ).execute(db)
  return async () => {
    const { rows } = await sql<{ count: string }>`select last_value as count from refused`.execute(db)
    return Number(rows[0]?.count)
  }
}

async function outcomeOf(db: Db, name: string): Promise<string | null | undefined> {
  const { rows } = await sql<{ outcome: string | null }>`
    select outcome from document_backups where name = ${name}`.execute(db)
  return rows[0]?.outcome
}

async function timesInTrail(db: Db, name: string): Promise<number> {
  const { rows } = await sql`
    select from document_events where action = 'backup.created' and details ->> 'backup' = ${name}`.execute(db)
  return rows.length
}

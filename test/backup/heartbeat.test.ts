import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'

import { startHeartbeat } from '../../src/backup/heartbeat.ts'
import { beginBackup } from '../../src/database/backup/running-backups.ts'
import { AppError } from '../../src/errors/app-error.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService } from '../support/service/start-service.ts'

const scene = sceneOfFile(async (closing) => {
  const service = await startService()
  closing.defer(() => service.stop())
  return { service }
})

/** A backup whose last heartbeat was a minute ago. */
async function begin(renew: () => Promise<void> = async () => undefined) {
  const { db, log } = scene.service.app
  const id = crypto.randomUUID()
  let now = Date.parse('2026-11-01T02:00:00Z')
  await beginBackup(db, { id, place: '/backups', name: id, isRowsOnly: false })
  await sql`update document_backups set heartbeat_at = now() - interval '1 minute' where id = ${id}::uuid`.execute(db)
  const beating = startHeartbeat({ db, log, now: () => new Date(now) }, id, {
    signal: new AbortController().signal,
    renew,
  })
  onTestFinished(() => beating.stop())
  return {
    beating,
    passMinutes: (minutes: number) => void (now += minutes * 60_000),
    wasHeardOf: async () => {
      const { rows } = await sql<{ is: boolean }>`
        select heartbeat_at > now() - interval '30 seconds' as is from document_backups where id = ${id}::uuid`.execute(
        db,
      )
      return rows[0]?.is
    },
  }
}

test('a backup without progress for a quarter of an hour sends no heartbeat until it progresses again', async () => {
  const { beating, passMinutes, wasHeardOf } = await begin()

  passMinutes(16)
  await beating.send()
  const standing = await wasHeardOf()
  beating.onProgress()
  await beating.send()

  expect(standing).toBe(false)
  expect(await wasHeardOf()).toBe(true)
})

test('a backup with recent progress sends a heartbeat', async () => {
  const { beating, passMinutes, wasHeardOf } = await begin()

  passMinutes(14)
  await beating.send()

  expect(await wasHeardOf()).toBe(true)
})

test('the mark in the place is renewed every five minutes, and never after the end', async () => {
  let renewals = 0
  const { beating, passMinutes } = await begin(async () => void (renewals += 1))

  await beating.send()
  expect(renewals).toBe(0)
  passMinutes(5)
  await beating.send()
  await beating.send()
  expect(renewals).toBe(1)
  await beating.end()
  passMinutes(5)
  await beating.send()
  expect(renewals).toBe(1)
})

test('a backup that was removed from the place fails; a place that does not answer is tried again', async () => {
  const errors: unknown[] = [new Error('no answer'), new AppError('conflict', 'Somebody removed it.')]
  const { beating, passMinutes } = await begin(async () => {
    throw errors.shift()
  })
  passMinutes(5)

  await beating.send()
  const asked = beating.signal.aborted
  await beating.send()

  expect(asked).toBe(false)
  await expect(beating.end()).rejects.toThrow('Somebody removed it.')
})

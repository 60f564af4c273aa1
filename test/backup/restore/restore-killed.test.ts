import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { Client } from 'pg'
import { expect, test } from 'vitest'

import { runCommand, type Settings, startCommand } from '../../support/cli/run-command.ts'
import { startService } from '../../support/service/start-service.ts'
import { lastOf, makeBackup, locationWithDocuments, scratchPlace } from '../backup-scene.ts'

test('a restore that is killed repeatedly resumes each time', { timeout: 180_000 }, async () => {
  const place = await locationWithDocuments({ documents: 40 })
  await makeBackup(place.service, place.backups)
  const scratch = await scratchPlace()
  const restore = () =>
    startCommand(scratch.folder, ['backup', 'restore', place.backups, '--json', '--concurrency', '1'], scratch.settings)
  const firms = join(scratch.folder, 'uploads', 'security_firms')

  const first = restore()
  await expect.poll(async () => (await readdir(firms).catch(() => [])).length, { interval: 5 }).toBeGreaterThan(0)
  first.signal('SIGKILL')
  await first.ended()
  const second = restore()
  await second.untilSaid(/"event":"table"/)
  second.signal('SIGKILL')
  await second.ended()
  const started = await runCommand(scratch.folder, ['serve'], scratch)
  const migrated = await runCommand(scratch.folder, ['db', 'migrate'], scratch)
  const third = await restore().ended()
  const compared = await runCommand(scratch.folder, ['verify', '--json'], scratch)

  for (const refused of [started, migrated])
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^A restore into this database \(of the backup \S+\) was started and is not finished\..*\n$/,
      ),
    })
  expect(third).toMatchObject({ code: 0, stderr: '' })
  expect(lastOf(third.stdout)).toMatchObject({ ok: true, went_on: true, files: { written: 0, found: 41 } })
  expect(lastOf(compared.stdout)).toMatchObject({ ok: true, files: 41 })

  // Killed after the rows were loaded and before the last steps.
  await asOwner(scratch.settings, 'update document_restores set finished_at = null')
  const last = await restore().ended()
  expect(lastOf(last.stdout)).toMatchObject({ ok: true, went_on: true })
  const over = await restore().ended()
  expect(over.code).toBe(1)
  expect(over.stdout).toContain('This database is not empty: a restore created it')
})

async function asOwner(settings: Settings, statement: string): Promise<void> {
  const service = await startService({ ...settings, DATABASE_URL: 'embedded' })
  const client = new Client(service.app.ownerConnection)
  try {
    await client.connect()
    await client.query(statement)
  } finally {
    await client.end()
    await service.stop()
  }
}

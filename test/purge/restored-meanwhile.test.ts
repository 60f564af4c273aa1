import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'

import { databaseForTest } from '../support/cli/database-settings.ts'
import { makeWorkFolder, runCommand, type Settings } from '../support/cli/run-command.ts'
import { waitingForThis } from '../support/database/until-waited-for.ts'
import { deletedDaysAgo, isThere } from '../support/purge/purge-scene.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { startService } from '../support/service/start-service.ts'

test('a document that is restored during the run stays, and is no failure', async () => {
  const folder = await makeWorkFolder()
  const settings: Settings = { ...(await databaseForTest()), UPLOADS_DIR: `${folder}/uploads`, DATA_DIR: folder }
  const service = await startService(settings)
  onTestFinished(() => service.stop())
  const own = await firmWithAdmin(service)
  const restored = await deletedDaysAgo(service, own, 31)
  const due = await deletedDaysAgo(service, own, 31)

  const ended = await service.app.db.transaction().execute(async (trx) => {
    await sql`update documents set deleted_at = null where id = ${restored.id}::uuid`.execute(trx)
    const running = runCommand(folder, ['purge', '--json'], { settings })
    await expect
      .poll(async () => (await sql`${sql.raw(waitingForThis)}`.execute(trx)).rows.length, { timeout: 30_000 })
      .toBeGreaterThan(0)
    return { running }
  })

  const { code, stdout } = await ended.running
  expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
    ok: true,
    documents: { purged: 1, not_in_trash: 1 },
  })
  expect(code).toBe(0)
  expect([await isThere(service, restored.id), await isThere(service, due.id)]).toEqual([true, false])
})

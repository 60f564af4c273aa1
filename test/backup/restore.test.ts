import { expect, test } from 'vitest'

import { runCommand } from '../cli/run-command.ts'
import { lastOf, placeWithPapers, scratchPlace } from './backup-scene.ts'

test('a backup with files comes back elsewhere: every file with its hash, and an audit trail that is sound', async () => {
  const place = await placeWithPapers()

  const created = await place.run(['backup', 'create', place.backups, '--with-files', '--json'])
  const verified = await place.run(['backup', 'verify', place.backups, '--json'])
  const scratch = await scratchPlace()
  const restored = await runCommand(scratch.folder, ['backup', 'restore', place.backups, '--json'], scratch)
  const compared = await runCommand(scratch.folder, ['verify', '--json'], scratch)
  const trail = await runCommand(scratch.folder, ['audit', 'verify', '--json'], scratch)

  expect(created).toMatchObject({ code: 0, stderr: '' })
  expect(lastOf(created.stdout)).toMatchObject({ ok: true, files: 4, copied: 4, shared: 0 })
  expect(lastOf(verified.stdout)).toMatchObject({ ok: true, files: 4, problems: 0 })
  expect(restored).toMatchObject({ code: 0, stderr: '' })
  expect(lastOf(restored.stdout)).toMatchObject({ ok: true, files: { written: 4, lacking: 0 } })
  expect(lastOf(compared.stdout)).toMatchObject({ ok: true, files: 4 })
  expect(lastOf(trail.stdout)).toMatchObject({ ok: true })
})

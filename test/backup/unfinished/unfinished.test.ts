import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'

import { beforeAll, expect, test } from 'vitest'

import { writeMarker } from '../../../src/backup/unfinished-backups.ts'
import { writeBuffer } from '../../../src/backup/compressed-parts.ts'
import { findInstallationId } from '../../../src/database/schema/installation.ts'
import { openBackupFolder } from '../../../src/storage/backup-store/backup-folder.ts'
import type { BackupStore } from '../../../src/storage/backup-store/backup-store.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import { ensureInstalled } from '../../support/services/packages/install-packages.ts'
import { straceNeed } from '../../support/run/trace-calls.ts'
import { emptyFolder, makeBackup, documentsFor, problemsOf } from '../backup-scene.ts'
import { traceFolder } from './trace-folder.ts'

beforeAll(async () => ensureInstalled([straceNeed]))

const scene = sceneOfFile(async (closing) => documentsFor(closing, { documents: 2 }))

test('a backup that finishes while another one begins stays complete', async () => {
  const { service } = scene
  const root = await emptyFolder()
  const isRead = Promise.withResolvers<void>()
  const first = makeBackup(service, root, {
    place: (usual) => ({
      ...usual,
      async write(name, content) {
        if (name.endsWith('manifest.json')) await isRead.promise
        await usual.write(name, content)
      },
    }),
  })
  await expect.poll(async () => (await readdir(root)).includes('files')).toBe(true)

  const second = await makeBackup(service, root, {
    place: afterFirstReading(async () => {
      isRead.resolve()
      await first
    }),
  })
  const { name } = await first

  expect(second.removedUnfinished).toEqual([])
  expect(await readdir(join(root, 'backups'))).toEqual([name, second.name].toSorted())
  await rm(join(root, 'backups', second.name), { recursive: true })
  expect(await problemsOf(root)).toEqual([])
})

test('only the mark of a finished backup is removed when a power failure restored it', async () => {
  const { service } = scene
  const { db } = service.app
  const root = await emptyFolder()
  const { name, manifest } = await makeBackup(service, root)
  const mark = { installationId: await findInstallationId(db), backupId: manifest.backup.id, heartbeatAt: new Date(0) }
  await writeMarker(openBackupFolder(root), name, mark)
  expect(await problemsOf(root)).toEqual(['it is not finished'])

  const next = await makeBackup(service, root)

  expect(next.removedUnfinished).toEqual([])
  await rm(join(root, 'backups', next.name), { recursive: true })
  expect(await problemsOf(root)).toEqual([])
})

test('a backup whose mark was removed after it was read is left alone, even if the database has no successful end of it', async () => {
  const { service } = scene
  const root = await emptyFolder()
  const ending = new AbortController()
  const ended = makeBackup(service, root, {
    signal: ending.signal,
    onFile: () => ending.abort(new Error('asked to end')),
  })
  await expect(ended).rejects.toThrow('asked to end')
  const [left = ''] = await readdir(join(root, 'backups'))
  await writeBuffer(openBackupFolder(root), `backups/${left}/manifest.json`, Buffer.from('{}'))

  const next = await makeBackup(service, root, {
    place: afterFirstReading(async () => rm(join(root, 'backups', left, 'unfinished.json'))),
  })

  expect(next.removedUnfinished).toEqual([])
  expect(await readdir(join(root, 'backups', left))).toContain('manifest.json')
})

test('the end of a backup is durable before it is reported', async () => {
  const root = await emptyFolder()
  await writeBuffer(openBackupFolder(root), 'backups/a/unfinished.json', Buffer.from('{}'))

  const calls = 'unlink,unlinkat,rmdir,fsync'
  const { lines } = await traceFolder(root, "place.remove('backups/a/unfinished.json')", { calls })

  expect(lines.map((line) => /\w+(?=\()/.exec(line)?.[0])).toEqual([expect.stringMatching(/^unlink/), 'fsync'])
  expect(lines[1]).toContain(`${root}/backups/a>`)
})

/** A place with an action between the first read of a mark and its use. */
function afterFirstReading(happens: () => Promise<void>) {
  let isFirst = true
  return (usual: BackupStore): BackupStore => ({
    ...usual,
    async read(name) {
      const bytes = await buffer(await usual.read(name))
      if (isFirst) {
        isFirst = false
        await happens()
      }
      return Readable.from([bytes])
    },
  })
}

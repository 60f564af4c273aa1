import { sql } from 'kysely'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'

import { beginBackup, beatBackup, endBackup } from '../../src/database/backup/running-backups.ts'
import { destroyFiles } from '../../src/documents/purge/destroy-files.ts'
import { removeBytes, removeInfected } from '../../src/documents/remove-bytes.ts'
import type { FirmId, StorageKey } from '../../src/vocabulary.ts'
import { collect, deletedDaysAgo, never, purgeAll } from '../purge/purge-scene.ts'
import { firmWithAdmin } from '../support/firm-with-admin.ts'
import type { Person } from '../support/people.ts'
import { sceneOfFile } from '../support/scene-of-file.ts'
import { startService, type TestService } from '../support/start-service.ts'

const scene = sceneOfFile(async (closing) => {
  const service = await startService()
  closing.defer(() => service.stop())
  return { service, ...(await firmWithAdmin(service)) }
})

let service: TestService
let whose: { firm: FirmId; admin: Person }
beforeAll(() => {
  ;({ service } = scene)
  whose = { firm: scene.firm, admin: scene.admin }
})
afterEach(() => sql`delete from document_backups`.execute(service.app.db))

async function beginOne(): Promise<string> {
  const id = crypto.randomUUID()
  await beginBackup(service.app.db, { id, place: '/backups', name: id, withFiles: true })
  return id
}

async function keysOnDisk(): Promise<StorageKey[]> {
  const files = await Array.fromAsync(service.app.stores.local.list('security_firms/'))
  return files.map(({ key }) => key)
}

describe('while a backup runs', () => {
  test('the collector leaves bytes that are due, and takes them when it is over', async () => {
    await deletedDaysAgo(service, whose, 40)
    const id = await beginOne()
    await purgeAll(service)

    await collect(service, { inDays: 2 })
    const during = await keysOnDisk()
    await endBackup(service.app.db, id, { outcome: 'whole', files: 0, bytes: 0 })
    await collect(service, { inDays: 4 })

    expect(during).toHaveLength(1)
    expect(await keysOnDisk()).toEqual([])
  })

  test('a purge that destroys at once says that it has to wait', async () => {
    await deletedDaysAgo(service, whose, 40)
    await purgeAll(service)
    await beginOne()

    const outcomes: string[] = []
    const onSettled = ({ outcome }: { outcome: string }) => void outcomes.push(outcome)
    await destroyFiles(service.app, { documentIds: undefined, signal: never, onSettled })

    expect(outcomes).toEqual(['backup_runs'])
    expect(await keysOnDisk()).toHaveLength(1)
  })

  test('what a failed upload has left goes, since no backup has a row of it; and what is infected goes', async () => {
    await beginOne()
    const place = { store: 'local', storeId: service.app.stores.local.storeId, key: keyOf('1') } as const

    expect(await removeBytes(service.app, place, null)).toBe('backup_runs')
    expect(await removeBytes(service.app, place, crypto.randomUUID() as never)).toBe('destroyed')
    expect(await removeInfected(service.app, place)).toBe('destroyed')
  })
})

describe('a backup that is dead keeps nothing waiting, and should it live after all it is told that it is in vain', () => {
  test.each([
    ['was not heard of for two minutes', "beat_at = now() - interval '121 seconds'", 'destroyed', false],
    ['runs for more than a week, whatever it says', "started_at = now() - interval '169 hours'", 'destroyed', false],
    ['was heard of just before', "beat_at = now() - interval '100 seconds'", 'backup_runs', true],
  ])('one that %s', async (_which, past, removed, lives) => {
    const id = await beginOne()
    await sql`update document_backups set ${sql.raw(past)}`.execute(service.app.db)
    const place = { store: 'local', storeId: service.app.stores.local.storeId, key: keyOf('2') } as const

    expect(await removeBytes(service.app, place, null)).toBe(removed)
    expect(await beatBackup(service.app.db, id)).toBe(lives)
  })
})

/** A key that nothing names. */
function keyOf(digit: string): StorageKey {
  const uuid = `0000000${digit}-0000-4000-8000-000000000000`
  return `security_firms/${uuid}/bank_statement_${uuid}.pdf` as StorageKey
}

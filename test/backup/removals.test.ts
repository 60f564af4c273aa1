import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { sql } from 'kysely'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'

import { beginBackup, recordHeartbeat, endBackup } from '../../src/database/backup/running-backups.ts'
import { abandonUpload, createUploadReserver, type Reservation } from '../../src/database/blobs/reserve-upload.ts'
import { destroyFiles } from '../../src/documents/purge/destroy-files.ts'
import { removeNow } from '../../src/documents/stores/remove-blobs.ts'
import { rights } from '../../src/people/rights.ts'
import { storageKeyOf } from '../../src/storage/storage-key.ts'
import type { BlobId, DocumentId, FirmId, StorageKey, VersionId } from '../../src/vocabulary/vocabulary.ts'
import { collect, deletedDaysAgo, never, purgeAll } from '../support/purge/purge-scene.ts'
import { findOnDisk } from '../support/scanning/finding-scanner.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { makePdf } from '../support/files/make-files.ts'
import type { Person } from '../support/people/people.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService, type TestService } from '../support/service/start-service.ts'

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
  await beginBackup(service.app.db, { id, place: '/backups', name: id, isRowsOnly: false })
  return id
}

async function keysOnDisk(): Promise<StorageKey[]> {
  const files = await Array.fromAsync(service.app.stores.local.list('security_firms/'))
  return files.map(({ key }) => key)
}

async function destroyPurged(): Promise<string[]> {
  const outcomes: string[] = []
  const onResult = ({ outcome }: { outcome: string }) => void outcomes.push(outcome)
  await destroyFiles(service.app, { documentIds: undefined, signal: never, onResult })
  return outcomes
}

describe('while a backup runs', () => {
  test('the collector postpones due blobs, and removes them after the backup', async () => {
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

  test('a purge that destroys at once prints that it has to wait', async () => {
    await deletedDaysAgo(service, whose, 40)
    await purgeAll(service)
    await beginOne()

    expect(await destroyPurged()).toEqual(['backup_runs'])
    expect(await keysOnDisk()).toHaveLength(1)
    await sql`delete from document_backups`.execute(service.app.db)
    expect(await destroyPurged()).toEqual(['destroyed'])
  })

  test('the file of a failed upload is removed, because no backup has a row of it', async () => {
    await beginOne()
    const reservation = await reserveWithFile()
    expect(await keysOnDisk()).toEqual([reservation.key])

    await abandonUpload(service.app.db, reservation.id, sql`now()`)
    await removeNow(service.app, reservation, [reservation.id])

    expect(await keysOnDisk()).toEqual([])
  })

  test('an infected file is removed', async () => {
    await uploadDocument(service.url, whose.firm, whose.admin)
    await beginOne()

    expect(await findOnDisk(service)).toEqual({ infected: 1 })
    expect(await keysOnDisk()).toEqual([])
  })
})

describe('a dead backup delays no removal, and its next heartbeat fails if it is alive after all', () => {
  test.each([
    ['was not heard of for two minutes', "heartbeat_at = now() - interval '121 seconds'", 'destroyed', false],
    ['runs for more than a week, whatever it says', "started_at = now() - interval '169 hours'", 'destroyed', false],
    ['was heard of just before', "heartbeat_at = now() - interval '100 seconds'", 'backup_runs', true],
  ])('a backup that %s', async (_which, past, removed, lives) => {
    await deletedDaysAgo(service, whose, 40)
    await purgeAll(service)
    const id = await beginOne()
    await sql`update document_backups set ${sql.raw(past)}`.execute(service.app.db)

    expect(await destroyPurged()).toEqual([removed])
    expect(await recordHeartbeat(service.app.db, id)).toBe(lives)
  })
})

/** An upload that wrote its file and did not commit. */
async function reserveWithFile(): Promise<Reservation> {
  const { db, processId, stores, config } = service.app
  const { storeId } = stores.local
  const key = storageKeyOf({ firmId: whose.firm, documentType: 'bank_statement', uuid: randomUUID(), extension: 'pdf' })
  const reservation: Reservation = {
    id: randomUUID() as BlobId,
    documentId: randomUUID() as DocumentId,
    versionId: randomUUID() as VersionId,
    firmId: whose.firm,
    store: 'local',
    storeId,
    key,
    addedUsage: { bytes: 1000, documents: 1 },
    scope: undefined,
    documentType: undefined,
  }
  const defaultQuota = { bytes: undefined, documents: undefined, draftBytes: undefined }
  const reserve = createUploadReserver(db, { processId, right: rights['documents.upload'], defaultQuota })
  await reserve({ userId: whose.admin.id, sessionId: undefined, apiKeyId: undefined }, reservation)
  const path = join(config.uploadsDir, key)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, makePdf({ bytes: 1000 }))
  return reservation
}

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, rename, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { sql } from 'kysely'
import { expect, test } from 'vitest'

import { RetriesExhausted, createRetryingStore } from '../../src/backup/retrying-store.ts'
import { folderOf } from '../../src/backup/backup-manifest.ts'
import { checkFilesInPlace } from '../../src/backup/restore-files.ts'
import { openBackupFolder } from '../../src/storage/backup-store/backup-folder.ts'
import { type BackupStore, nameFailures } from '../../src/storage/backup-store/backup-store.ts'
import { toLocalError } from '../../src/storage/local/local-errors.ts'
import { S3Error } from '../../src/storage/s3/requests/s3-operation.ts'
import type { Sha256 } from '../../src/vocabulary/vocabulary.ts'
import type { TestService } from '../support/service/start-service.ts'
import { emptyFolder, lastOf, makeBackup, locationWithDocuments, problemsOf } from './backup-scene.ts'
import { explainGaveUp } from '../../src/cli/printing/explain-failure.ts'

const none = createHash('sha256').digest('hex') as Sha256 // of the form of the brand

test('names an unreadable file and has all others; a disk with an unreadable root ends the backup', async () => {
  const { service, refusing } = await sceneWithRefusedFile()
  const root = await emptyFolder()

  const { manifest, counts } = await makeBackup(refusing('one file'), root)
  const away: unknown = await makeBackup(refusing('the disk'), await emptyFolder()).catch((reason: unknown) => reason)

  expect(counts.fates).toEqual({ kept: 3, unreadable: 1 })
  expect(manifest.files.lacking).toBe(1)
  expect(await problemsOf(root)).toEqual([])
  expect(away).toBeInstanceOf(RetriesExhausted)
  expect((await makeBackup(service, root)).counts.fates).toEqual({ kept: 4 })
})

test('a folder or link in place of a file is named as lacking, all other files are backed up, and the exit status is 1', async () => {
  const place = await locationWithDocuments({ documents: 7 })
  const { service, firm, admin, documents } = place
  const spoils: ((path: string, elsewhere: string) => Promise<unknown>)[] = [
    (path) => mkdir(path),
    (path, elsewhere) => symlink(elsewhere, path),
    (path) => symlink(path, path),
    (path) => promisify(execFile)('mkfifo', [path]),
  ]
  const notFiles: string[] = []
  for (const [index, spoil] of spoils.entries()) {
    const key = await keyOf(service, documents[index + 2])
    const [path, elsewhere] = [join(service.folder, 'uploads', key), join(service.folder, `was-${index}`)]
    await rename(path, elsewhere)
    await spoil(path, elsewhere)
    notFiles.push(key)
  }
  // Longer than any file system allows.
  const tooLong = `security_firms/${firm}/${'a'.repeat(300)}.pdf`
  await sql`
    insert into firm_documents (id, firm_id, document_type, file_name, file_path, file_size, mime_type, uploaded_by, is_verified)
    values (gen_random_uuid(), ${firm}::uuid, 'registration_certificate', 'a.pdf', ${`uploads/${tooLong}`}, 1, 'application/pdf', ${admin.id}, false)`.execute(
    service.app.db,
  )

  const created = await place.run(['backup', 'create', place.backups, '--json'])

  expect(created.code).toBe(1)
  expect(lastOf(created.stdout)).toMatchObject({ complete: true, fates: { kept: 4, unreadable: 5 } })
  for (const key of [...notFiles, tooLong]) expect(created.stdout).toContain(key)
  expect(await problemsOf(place.backups)).toEqual([])
})

test('a rows-only restore names an unreadable file and checks all others; a disk with an unreadable root ends it', async () => {
  const { service, refused, refusing } = await sceneWithRefusedFile()
  const root = await emptyFolder()
  const { name, manifest } = await makeBackup(service, root, { isRowsOnly: true })
  const named: [string, string][] = []
  const look = async ({ app }: TestService) =>
    checkFilesInPlace(app.stores, createRetryingStore(openBackupFolder(root), { signal, pauseMs: 10 }), {
      folder: folderOf(name),
      files: manifest.files,
      reads: true,
      concurrency: 2,
      signal,
      onFile: ({ key }, found) => void (found !== 'there' && named.push([key, found])),
    })

  const counts = await look(refusing('one file'))
  const away: unknown = await look(refusing('the disk')).catch((reason: unknown) => reason)

  expect(counts).toEqual({ there: 3, not_here: 0, missing: 0, wrong: 0, unreadable: 1 })
  expect(named).toEqual([[refused, 'unreadable']])
  expect(away).toBeInstanceOf(RetriesExhausted)
})

test('a missing permission in a bucket of backups is tried once, and the policy is named', async () => {
  const failure = { code: 'unavailable', trouble: 'not_allowed', s3Code: 'AccessDenied', attempts: 1 } as const
  const refused = new S3Error('put_object', { ...failure, status: 403, requestId: undefined })
  let tries = 0
  const write: BackupStore['write'] = async () => {
    tries += 1
    throw refused
  }
  const shown = 's3://safe/nightly/'
  const place = nameFailures({ ...openBackupFolder(await emptyFolder()), address: shown, write }, 'backup')

  const ended = createRetryingStore(place, { signal: new AbortController().signal, pauseMs: 60_000 }).write('a-part', {
    bytes: Buffer.of(),
    sha256: none,
  })
  const givenUp: unknown = await ended.catch((reason: unknown) => reason)

  if (!(givenUp instanceof RetriesExhausted)) throw givenUp
  expect(tries).toBe(1)
  expect(explainGaveUp(givenUp, 'it starts over').message).toBe(
    's3://safe/nightly/ cannot be used (AccessDenied). Use credentials that have the policy deploy/policies/backup.json, and run this again: it starts over.',
  )
})

const { signal } = new AbortController()

/** Documents on a disk that denies access to one of them, or to all including its root. */
async function sceneWithRefusedFile() {
  const { service, documents } = await locationWithDocuments()
  const refused = await keyOf(service, documents[2])
  const refusal = Object.assign(new Error('EACCES: open'), { code: 'EACCES', errno: -13 })
  const refusing = (what: 'one file' | 'the disk') => {
    const { local } = service.app.stores
    const read: typeof local.read = async (key, range) => {
      if (key === refused) throw toLocalError(refusal)
      return local.read(key, range)
    }
    const find = async () => (what === 'the disk' ? Promise.reject(toLocalError(refusal)) : local.ownership.find())
    const refusingDisk = { ...local, read, ownership: { ...local.ownership, find } }
    return { ...service, app: { ...service.app, stores: { ...service.app.stores, local: refusingDisk } } }
  }
  return { service, refused, refusing }
}

async function keyOf({ app }: TestService, document: string | undefined): Promise<string> {
  const { rows } = await sql<{ key: string }>`
    select storage_key as key from document_versions where document_id = ${document}::uuid`.execute(app.db)
  return rows[0]?.key ?? ''
}

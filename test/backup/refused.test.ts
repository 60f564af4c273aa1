import { createHash } from 'node:crypto'

import { sql } from 'kysely'
import { expect, test } from 'vitest'

import { GaveUp, makePatient } from '../../src/backup/patient-place.ts'
import { folderOf } from '../../src/backup/manifest.ts'
import { lookForFiles } from '../../src/backup/restore-backup.ts'
import { backupFolder } from '../../src/storage/backup-place/backup-folder.ts'
import { type BackupPlace, namedPlace } from '../../src/storage/backup-place/backup-place.ts'
import { localFailure } from '../../src/storage/local-errors.ts'
import { S3Error } from '../../src/storage/s3-operation.ts'
import type { Sha256 } from '../../src/vocabulary.ts'
import type { TestService } from '../support/start-service.ts'
import { emptyFolder, makeBackup, placeWithPapers, problemsOf } from './backup-scene.ts'
import { explainGivenUp } from '../../src/cli/explain-failure.ts'

const none = createHash('sha256').digest('hex') as Sha256 // as the brand says

test('names a file that the system refuses, and has all others; a disk that refuses its root too is no file’s fate', async () => {
  const { service, refusing } = await sceneWithRefusedFile()
  const root = await emptyFolder()

  const { manifest, counts } = await makeBackup(refusing('one file'), root)
  const away: unknown = await makeBackup(refusing('the disk'), await emptyFolder()).catch((reason: unknown) => reason)

  expect(counts.fates).toEqual({ kept: 3, unreadable: 1 })
  expect(manifest.files.lacking).toBe(1)
  expect(await problemsOf(root)).toEqual([])
  expect(away).toBeInstanceOf(GaveUp)
  expect((await makeBackup(service, root)).counts.fates).toEqual({ kept: 4 })
})

test('a restore of the rows alone names a file that the system refuses and looks for all others; a disk that refuses its root ends it', async () => {
  const { service, refused, refusing } = await sceneWithRefusedFile()
  const root = await emptyFolder()
  const { name, manifest } = await makeBackup(service, root, { isRowsOnly: true })
  const named: [string, string][] = []
  const look = async ({ app }: TestService) =>
    lookForFiles(app.stores, makePatient(backupFolder(root), { signal, pauseMs: 10 }), {
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
  expect(away).toBeInstanceOf(GaveUp)
})

test('a right that is missing in a bucket of backups does not come by waiting: it is asked once, and the policy is named', async () => {
  const failure = { code: 'unavailable', trouble: 'not_allowed', s3Code: 'AccessDenied', attempts: 1 } as const
  const refused = new S3Error('put_object', { ...failure, status: 403, requestId: undefined })
  let tries = 0
  const write: BackupPlace['write'] = async () => {
    tries += 1
    throw refused
  }
  const shown = 's3://safe/nightly/'
  const place = namedPlace({ ...backupFolder(await emptyFolder()), shown, write }, 'backup')

  const ended = makePatient(place, { signal: new AbortController().signal, pauseMs: 60_000 }).write('a-part', {
    bytes: Buffer.of(),
    sha256: none,
  })
  const givenUp: unknown = await ended.catch((reason: unknown) => reason)

  if (!(givenUp instanceof GaveUp)) throw givenUp
  expect(tries).toBe(1)
  expect(explainGivenUp(givenUp, 'it begins anew').message).toBe(
    's3://safe/nightly/ cannot be used (AccessDenied). Use credentials that have the policy deploy/policies/backup.json, and run this again: it begins anew.',
  )
})

const { signal } = new AbortController()

/** Papers on a disk that refuses one of them, or all that it has, its root among it. */
async function sceneWithRefusedFile() {
  const { service, papers } = await placeWithPapers()
  const { rows } = await sql<{ key: string }>`
    select storage_key as key from document_versions where document_id = ${papers[2]}::uuid`.execute(service.app.db)
  const refused = rows[0]?.key
  const refusal = Object.assign(new Error('EACCES: open'), { code: 'EACCES', errno: -13 })
  const refusing = (what: 'one file' | 'the disk') => {
    const { local } = service.app.stores
    const read: typeof local.read = async (key, range) => {
      if (key === refused) throw localFailure(refusal)
      return local.read(key, range)
    }
    const find = async () => (what === 'the disk' ? Promise.reject(localFailure(refusal)) : local.ownership.find())
    const refusingDisk = { ...local, read, ownership: { ...local.ownership, find } }
    return { ...service, app: { ...service.app, stores: { ...service.app.stores, local: refusingDisk } } }
  }
  return { service, refused, refusing }
}

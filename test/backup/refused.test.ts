import { createHash } from 'node:crypto'

import { sql } from 'kysely'
import { expect, test } from 'vitest'

import { GaveUp } from '../../src/backup/gave-up.ts'
import { makePatient } from '../../src/backup/patient-place.ts'
import { explainGivenUp } from '../../src/cli/explain-given-up.ts'
import { backupFolder } from '../../src/storage/backup-place/backup-folder.ts'
import type { BackupPlace } from '../../src/storage/backup-place/backup-place.ts'
import { namedPlace } from '../../src/storage/backup-place/named-place.ts'
import { localFailure } from '../../src/storage/local-errors.ts'
import { S3Error } from '../../src/storage/s3-operation.ts'
import type { Sha256 } from '../../src/vocabulary.ts'
import { emptyFolder, makeBackup, placeWithPapers, problemsOf } from './backup-scene.ts'

const none = createHash('sha256').digest('hex') as Sha256 // as the brand says

test('names a file that the system refuses, and has all others; a disk that refuses its root too is no file’s fate', async () => {
  const { service, papers } = await placeWithPapers()
  const { rows } = await sql<{ key: string }>`
    select storage_key as key from document_versions where document_id = ${papers[2]}::uuid`.execute(service.app.db)
  const refused = Object.assign(new Error('EACCES: open'), { code: 'EACCES', errno: -13 })
  const refusing = (isWholeDisk: boolean) => {
    const { local } = service.app.stores
    const read: typeof local.read = async (key, range) => {
      if (key === rows[0]?.key) throw localFailure(refused)
      return local.read(key, range)
    }
    const find = async () => (isWholeDisk ? Promise.reject(localFailure(refused)) : local.ownership.find())
    const refusingDisk = { ...local, read, ownership: { ...local.ownership, find } }
    return { ...service, app: { ...service.app, stores: { ...service.app.stores, local: refusingDisk } } }
  }
  const root = await emptyFolder()

  const { manifest, counts } = await makeBackup(refusing(false), root)
  const away: unknown = await makeBackup(refusing(true), await emptyFolder()).catch((reason: unknown) => reason)

  expect(counts.fates).toEqual({ kept: 3, unreadable: 1 })
  expect(manifest.files.lacking).toBe(1)
  expect(await problemsOf(root)).toEqual([])
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

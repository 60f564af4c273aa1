import { randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'

import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest'

import { GaveUp } from '../../src/backup/gave-up.ts'
import { openBackup } from '../../src/backup/open-backup.ts'
import { makePatient } from '../../src/backup/patient-place.ts'
import { restoreFiles } from '../../src/backup/restore-files.ts'
import { verifyBackup } from '../../src/backup/verify-backup.ts'
import { writeBytes } from '../../src/backup/write-bytes.ts'
import { loadConfig } from '../../src/config.ts'
import type { Waiting } from '../../src/documents/wait-for-s3.ts'
import { makeLogger } from '../../src/logger.ts'
import { backupBucket } from '../../src/storage/backup-place/backup-bucket.ts'
import { backupFolder } from '../../src/storage/backup-place/backup-folder.ts'
import type { BackupPlace } from '../../src/storage/backup-place/backup-place.ts'
import { StoreError } from '../../src/storage/file-store.ts'
import type { StorageKey } from '../../src/vocabulary.ts'
import { type FailingS3, openFailingS3 } from '../faults/failing-s3.ts'
import { uploadDocument } from '../support/call-documents.ts'
import { makePdf } from '../support/make-files.ts'
import { makeFirm, makeMember } from '../support/people.ts'
import { emptyFolder, makeBackup, problemsOf } from './backup-scene.ts'

const papers = 6
const never = new AbortController().signal

let s3: FailingS3

beforeAll(async () => {
  s3 = await openFailingS3()
  const { app, url } = s3.service
  const firm = await makeFirm(app)
  const member = await makeMember(app, firm)
  for (let number = 0; number < papers; number += 1)
    await uploadDocument(url, firm, member, { bytes: makePdf({ seed: `${number}`, bytes: 3000 }) })
})
afterAll(async () => s3.close())
afterEach(async () => s3.mend())

test('a backup waits for the S3 of the papers, says so, and goes on to its end', async () => {
  const folder = await emptyFolder()
  const states: Waiting[] = []
  const onWaiting = noting(states)

  const made = await makeBackup(s3.service, folder, { patienceMs: 60_000, onWaiting, place: losingS3 })

  expect(states).toEqual(['waiting', 'back'])
  expect(made.manifest.files).toMatchObject({ count: papers, lacking: 0 })
  expect(await problemsOf(folder)).toEqual([])
})

test('where S3 stays away a backup ends with what it said, and the next one copies nothing again', async () => {
  const folder = await emptyFolder()
  const states: Waiting[] = []
  const onWaiting = (state: Waiting) => void states.push(state)

  const ended = makeBackup(s3.service, folder, { onWaiting, place: losingS3 })

  await expect(ended).rejects.toSatisfy((error) => error instanceof GaveUp && error.place === undefined)
  expect(states).toEqual(['waiting', 'given_up'])
  await s3.mend()
  const { counts } = await makeBackup(s3.service, folder)
  expect(counts.shared).toBeGreaterThan(0)
  expect(counts.shared + counts.copied).toBe(papers)
})

test('a restore into S3 waits for it, and goes on', async () => {
  const folder = await emptyFolder()
  const { manifest, name } = await makeBackup(s3.service, folder)
  const opened = await openBackup(backupFolder(folder), name, undefined)
  const { stores, budget, spool } = s3.service.app
  const { s3: onS3 } = stores
  if (onS3 === undefined || opened === undefined) throw new Error('this service has no S3, or made no backup')
  const states: Waiting[] = []
  const waiting = { stores, patienceMs: 60_000, onWaiting: noting(states) }
  const place = makePatient(backupFolder(folder), { signal: never, pauseMs: 10 }, waiting)

  const restored = await restoreFiles({ budget, spool }, place, {
    folder: opened.folder,
    files: manifest.files,
    target: { ...onS3, stat: losing(async (key: StorageKey) => onS3.stat(key)) },
    concurrency: 2,
    signal: never,
    onDamaged: undefined,
    onFile: () => undefined,
  })

  expect(states).toEqual(['waiting', 'back'])
  // They lie there already: each was read.
  expect(restored).toMatchObject({ found: papers, written: 0 })
})

test('a place that fails four times in a row is asked a fifth time, and then given up', async () => {
  const folder = await emptyFolder()

  const ended = makeBackup(s3.service, folder, { concurrency: 1, place: failing(5) })
  await expect(ended).rejects.toSatisfy((error) => error instanceof GaveUp && error.place === folder)
  const made = await makeBackup(s3.service, folder, { concurrency: 1, place: failing(4) })

  expect(made.counts).toMatchObject({ copied: papers })
})

test('what a place breaks off in the middle is read again, and no damage', async () => {
  const folder = await emptyFolder()
  const { name } = await makeBackup(s3.service, folder)
  const opened = await openBackup(backupFolder(folder), name, undefined)
  if (opened === undefined) throw new Error('it is not finished')
  let breaks = 1
  const place: BackupPlace = {
    ...backupFolder(folder),
    async read(file) {
      const stream = await backupFolder(folder).read(file)
      if (file.startsWith('files/') && (breaks -= 1) >= 0) stream.destroy(new StoreError('unavailable', 'Broken off.'))
      return stream
    },
  }

  const checked = await verifyBackup(place, opened, {
    concurrency: 1,
    signal: never,
    pauseMs: 10,
    repairs: false,
    onProblem: () => undefined,
    onFile: () => undefined,
  })

  expect(checked).toMatchObject({ files: papers, problems: 0, isComplete: true })
  expect(breaks).toBeLessThan(1)
})

test('a bucket that breaks off in the middle is out of reach', async () => {
  const { config, log } = {
    config: loadConfig(s3.settings).s3,
    log: makeLogger({ level: 'silent', isTerminal: false }),
  }
  const place = backupBucket({ config, log }, { bucket: config.bucket, prefix: 'backups-of-a-test/' })
  onTestFinished(() => place.close())
  await writeBytes(place, 'a-part', randomBytes(200_000))
  await s3.spoil({ kind: 'cut_down', afterBytes: 50_000 })

  const reading = place.read('a-part').then(text)

  await expect(reading).rejects.toSatisfy((error) => error instanceof StoreError && error.code === 'unavailable')
})

/** A place that does not take files so many times. */
function failing(times: number) {
  let left = times
  return (usual: BackupPlace): BackupPlace => ({
    ...usual,
    async write(...words: Parameters<BackupPlace['write']>) {
      if (words[0].startsWith('files/') && (left -= 1) >= 0) throw new StoreError('unavailable', 'The place is away.')
      await usual.write(...words)
    },
  })
}

/** S3 comes back once it is waited for. */
function noting(states: Waiting[]) {
  return (state: Waiting) => {
    states.push(state)
    if (state === 'waiting') s3.proxy.setFault({ kind: 'none' })
  }
}

/** S3 goes away when the third file is begun. */
function losingS3(usual: BackupPlace): BackupPlace {
  const sizeOf = losing(async (name: string) => usual.sizeOf(name))
  return { ...usual, sizeOf: async (name) => (name.startsWith('files/') ? sizeOf(name) : usual.sizeOf(name)) }
}

function losing<Name, Answer>(usual: (name: Name) => Promise<Answer>) {
  let calls = 0
  return async (name: Name) => {
    calls += 1
    if (calls === 3) await s3.spoil({ kind: 'refuse' })
    return usual(name)
  }
}

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'

import { RetriesExhausted } from '../../src/backup/retrying-store.ts'
import type { Waiting } from '../../src/documents/stores/wait-for-s3.ts'
import type { BackupStore } from '../../src/storage/backup-store/backup-store.ts'
import { S3Error } from '../../src/storage/s3/requests/s3-operation.ts'
import { type FailingS3, openFailingS3 } from '../support/fallback/failing-s3.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { makePdf } from '../support/files/make-files.ts'
import { makeFirm, makeMember } from '../support/people/people.ts'
import { emptyFolder, makeBackup, problemsOf } from './backup-scene.ts'

const documents = 6

let s3: FailingS3

beforeAll(async () => {
  s3 = await openFailingS3()
  const { app, url } = s3.service
  const firm = await makeFirm(app)
  const member = await makeMember(app, firm)
  for (let number = 0; number < documents; number += 1)
    await uploadDocument(url, firm, member, { bytes: makePdf({ seed: `${number}`, bytes: 3000 }) })
})
afterAll(async () => s3.close())
afterEach(async () => s3.mend())

test('a backup waits for the S3 of the documents, prints that, and completes', async () => {
  const folder = await emptyFolder()
  const states: Waiting[] = []
  const onWaiting = noting(states)

  const made = await makeBackup(s3.service, folder, { patienceMs: 60_000, onWaiting, place: losingS3 })

  expect(states).toEqual(['waiting', 'back'])
  expect(made.manifest.files).toMatchObject({ count: documents, lacking: 0 })
  expect(await problemsOf(folder)).toEqual([])
})

test('when S3 stays down, the backup ends with S3’s error, and the next one copies no file again', async () => {
  const folder = await emptyFolder()
  const states: Waiting[] = []
  const onWaiting = (state: Waiting) => void states.push(state)

  const ended = makeBackup(s3.service, folder, { onWaiting, place: losingS3 })

  await expect(ended).rejects.toSatisfy((error) => error instanceof RetriesExhausted && error.cause instanceof S3Error)
  expect(states).toEqual(['waiting', 'given_up'])
  await s3.mend()
  const { counts } = await makeBackup(s3.service, folder)
  expect(counts.shared).toBeGreaterThan(0)
  expect(counts.shared + counts.copied).toBe(documents)
})

test('a backup that gets a shutdown signal while it waits for S3 reports the shutdown and not the wait', async () => {
  const folder = await emptyFolder()
  const ending = new AbortController()
  const why = new Error('taken for dead')

  const ended = makeBackup(s3.service, folder, {
    signal: ending.signal,
    concurrency: 1,
    patienceMs: 60_000,
    onWaiting: () => ending.abort(why),
    place: losingS3,
  })

  await expect(ended).rejects.toBe(why)
})

test('a backup gives up an unstable S3 after the maximum wait, unless it progresses in between', async () => {
  const folder = await emptyFolder()
  const states: Waiting[] = []
  const patience = {
    // Two or three of its waits: a single call is tried five times.
    patienceMs: 3000,
    onWaiting(state: Waiting) {
      states.push(state)
      if (state === 'waiting') setTimeout(() => s3.proxy.setFault({ kind: 'none' }), 800)
      if (state !== 'back') return
      s3.proxy.setFault({ kind: 'refuse' })
      void s3.proxy.cutAll()
    },
  }

  const ended = makeBackup(s3.service, folder, { ...patience, concurrency: 1, place: losingS3 })

  await expect(ended).rejects.toThrow(RetriesExhausted)
  expect(states.slice(0, 2)).toEqual(['waiting', 'back'])
  expect(states.at(-1)).toBe('given_up')
})

/** S3 recovers once the backup waits for it. */
function noting(states: Waiting[]) {
  return (state: Waiting) => {
    states.push(state)
    if (state === 'waiting') s3.proxy.setFault({ kind: 'none' })
  }
}

/** S3 fails when the third file is begun. */
function losingS3(usual: BackupStore): BackupStore {
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

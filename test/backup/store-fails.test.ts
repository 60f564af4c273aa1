import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'

import { expect, onTestFinished, test } from 'vitest'

import { RetriesExhausted, createRetryingStore } from '../../src/backup/retrying-store.ts'
import { listBackups, openBackup } from '../../src/backup/open-backup.ts'
import { type VerifyRequest, verifyBackup } from '../../src/backup/verify-backup.ts'
import { writeBuffer } from '../../src/backup/compressed-parts.ts'
import { explainFailure, explainGaveUp } from '../../src/cli/printing/explain-failure.ts'
import { verifyBackup as runVerify } from '../../src/cli/backup/verify-backup.ts'
import { loadConfigWithoutTokens } from '../../src/config/load-config.ts'
import { createLogger } from '../../src/logging/logger.ts'
import { openBackupBucket } from '../../src/storage/backup-store/backup-bucket.ts'
import { openBackupFolder } from '../../src/storage/backup-store/backup-folder.ts'
import { type BackupStore, nameFailures, BackupStoreError } from '../../src/storage/backup-store/backup-store.ts'
import { StoreError } from '../../src/storage/file-store.ts'
import { makeWorkFolder, runCommand } from '../support/cli/run-command.ts'
import { startFaultProxy } from '../support/service/fault-proxy.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { bucketForTest, emptyFolder, makeBackup, documentsFor } from './backup-scene.ts'
import { notingPrinter } from '../support/cli/noting-printer.ts'

/** Documents: one with two versions, one in the trash. */
const files = 4
const never = new AbortController().signal
const ignore = () => undefined
const log = createLogger({ level: 'silent', isTerminal: false })

const scene = sceneOfFile(async (closing) => documentsFor(closing, { documents: files - 1 }))

test('a place that fails four times in a row is tried a fifth time, and then the backup fails', async () => {
  const { service } = scene
  const folder = await emptyFolder()

  const ended = makeBackup(service, folder, { concurrency: 1, place: failing(5) })
  await expect(ended).rejects.toSatisfy((error) => error instanceof RetriesExhausted && isOf(error.cause, folder))
  const made = await makeBackup(service, folder, { concurrency: 1, place: failing(4) })

  expect(made.counts).toMatchObject({ copied: files })
})

test('a backup retries each step that fails once', async () => {
  const { service } = scene
  const folder = await emptyFolder()
  const left = await leaveUnfinished(folder)

  const made = await makeBackup(service, folder, { place: failingOnceAtEach })

  expect(made.removedUnfinished).toEqual([left])
  expect(await readdir(join(folder, 'backups'))).toEqual([made.name])
})

test('a read that the place interrupts is repeated and does not count as damage', async () => {
  const { folder, opened } = await openMade()
  let breaks = 0
  const place = breakingOff(openBackupFolder(folder), (name) => isContent(name) && (breaks += 1) === 1)

  const checked = await verifyBackup(place, opened, { ...check, pauseMs: 10 })

  expect(checked).toMatchObject({ files, problems: 0, isComplete: true })
  expect(breaks).toBeGreaterThan(1)
})

test('a verification that gets a shutdown signal while it waits for a part reports that it is incomplete', async () => {
  const { folder, opened } = await openMade()
  const ending = new AbortController()
  const place = breakingOff(openBackupFolder(folder), (name) => name.includes('/tables/') && endSoon(ending))

  const checked = await verifyBackup(place, opened, { ...check, signal: ending.signal, pauseMs: 60_000 })

  expect(checked).toEqual({ rows: 0, files: 0, bytes: 0, notIncluded: 0, problems: 0, isComplete: false })
})

test('a verification that gets a shutdown signal while it waits for a file counts the files that it was reading', async () => {
  const { folder, opened } = await openMade()
  const ending = new AbortController()
  let seen = 0
  const place = breakingOff(openBackupFolder(folder), (name) => isContent(name) && (seen += 1) === 1 && endSoon(ending))
  const slowly: BackupStore['read'] = async (name) => {
    const stream = await place.read(name)
    if (isContent(name) && seen > 1 && !ending.signal.aborted) await once(ending.signal, 'abort').then(() => wait(50))
    return stream
  }

  const checked = await verifyBackup({ ...place, read: slowly }, opened, {
    ...check,
    concurrency: 2,
    signal: ending.signal,
    pauseMs: 60_000,
  })

  expect(checked).toMatchObject({ files: 1, problems: 0, isComplete: false })
})

test('a wait for a place throws the reason of the shutdown, also of one before the wait', async () => {
  const why = new Error('somebody removed it')
  for (const isBefore of [true, false]) {
    const ending = new AbortController()
    const place = createRetryingStore(openBackupFolder(await emptyFolder()), { signal: ending.signal, pauseMs: 60_000 })

    let tries = 0
    const ended = place.retry(async () => {
      tries += 1
      if (isBefore) ending.abort(why)
      else endSoon(ending, why)
      throw new StoreError('unavailable', 'The place is away.')
    })

    await expect(ended).rejects.toBe(why)
    expect(tries).toBe(1)
  }
})

test('a folder without read permission is named with the fix', async () => {
  const folder = await emptyFolder()
  const refused = Object.assign(new Error('EACCES: scandir'), { code: 'EACCES', errno: -13 })
  const place = nameFailures({ ...openBackupFolder(folder), list: async () => Promise.reject(refused) })

  const error: unknown = await listBackups(place).catch((reason: unknown) => reason)

  expect(explainFailure(error).message).toBe(
    `${folder}: The service has no permission for a file or folder that it needs. Let this user read and write everything there, and run this again.`,
  )
})

test('`backup verify` names a disk that fails while it reads a manifest', async () => {
  const { folder, opened } = await openMade()
  await spoil(join(folder, opened.folder, 'manifest.json'))

  const ended = await runCommand(await makeWorkFolder(), ['backup', 'verify', folder])

  expect(ended).toMatchObject({ code: 1, stdout: '' })
  expect(ended.stderr).toBe(`${folder}: A disk fails. Check the system log for that disk, and run this again.\n`)
})

test('a place that fails repeatedly within a file is named with the effect of a second run', async () => {
  const { folder } = await openMade()
  const contents = (await readdir(join(folder, 'files'), { recursive: true, withFileTypes: true })).filter((each) =>
    each.isFile(),
  )
  for (const { parentPath, name } of contents) await spoil(join(parentPath, name))
  const needs = { config: loadConfigWithoutTokens({}), log, ...notingPrinter(), signal: never }

  const ended = runVerify({ ...needs, patience: { patienceMs: 0, pauseMs: 10 } }, { path: folder }, { concurrency: 1 })

  await expect(ended).rejects.toMatchObject({
    code: 'store_unavailable',
    message: `${folder}: A disk fails. Check the system log for that disk, and run this again: the verification starts over.`,
  })
})

test('a bucket of backups that fails is named, and never the S3 of the documents', async () => {
  const bucket = await bucketForTest()
  const proxy = await startFaultProxy({ port: Number(new URL(bucket.s3.endpoint).port) })
  onTestFinished(() => proxy.close())
  const config = loadConfigWithoutTokens(s3Settings(bucket, `http://127.0.0.1:${proxy.port}`)).s3
  const place = openBackupBucket({ config, log }, { bucket: bucket.name, prefix: 'safe/' })
  onTestFinished(() => place.close())
  await writeBuffer(place, 'a-part', randomBytes(200_000))
  const reading = async () => place.read('a-part').then(text)

  proxy.setFault({ kind: 'cut_down', afterBytes: 50_000 })
  await proxy.cutAll()
  const brokenOff = createRetryingStore(place, { signal: never, pauseMs: 10 }).retry(reading)
  const givenUp: unknown = await brokenOff.catch((reason: unknown) => reason)
  proxy.setFault({ kind: 'refuse' })
  await proxy.cutAll()
  const refused: unknown = await listBackups(place).catch((reason: unknown) => reason)

  if (!(givenUp instanceof RetriesExhausted)) throw givenUp
  for (const { message } of [explainGaveUp(givenUp, 'it starts over'), explainFailure(refused)])
    expect(message).toMatch(
      new RegExp(
        `^s3://${bucket.name}/safe/ cannot be used \\(\\w+\\)\\. Check that it answers and accepts these credentials, and run this again`,
      ),
    )
})

const check: VerifyRequest = { concurrency: 1, signal: never, repairs: false, onProblem: ignore, onFile: ignore }

async function openMade() {
  const folder = await emptyFolder()
  const { name } = await makeBackup(scene.service, folder)
  const opened = await openBackup(openBackupFolder(folder), name, undefined)
  if (opened === undefined) throw new Error('it is not finished')
  return { folder, opened }
}

/** The name of a failed backup. */
async function leaveUnfinished(folder: string): Promise<string> {
  await makeBackup(scene.service, folder, { concurrency: 1, place: failing(5) }).catch(ignore)
  const [name = ''] = await readdir(join(folder, 'backups'))
  return name
}

/** Opens the file there, and fails with EIO when it is read. */
async function spoil(path: string): Promise<void> {
  await rm(path)
  await symlink('/proc/self/mem', path)
}

/** A place that rejects files this number of times. */
function failing(times: number) {
  let left = times
  return (usual: BackupStore): BackupStore => ({
    ...usual,
    async write(...words: Parameters<BackupStore['write']>) {
      if (isContent(words[0]) && (left -= 1) >= 0) throw away(usual)
      await usual.write(...words)
    },
  })
}

/** Each kind of call for each name fails the first time. */
function failingOnceAtEach(usual: BackupStore): BackupStore {
  const asked = new Set<string>()
  const failOnce = (call: string) => {
    if (asked.has(call)) return
    asked.add(call)
    throw away(usual)
  }
  return {
    ...usual,
    async write(name, content) {
      failOnce(`write ${name}`)
      await usual.write(name, content)
    },
    async read(name) {
      failOnce(`read ${name}`)
      return usual.read(name)
    },
    async sizeOf(name) {
      failOnce(`sizeOf ${name}`)
      return usual.sizeOf(name)
    },
    async list(folder) {
      failOnce(`list ${folder}`)
      return usual.list(folder)
    },
    async remove(name) {
      failOnce(`remove ${name}`)
      await usual.remove(name)
    },
  }
}

/** A place that ends a file in its middle on demand. */
function breakingOff(usual: BackupStore, breaksNow: (name: string) => boolean): BackupStore {
  return {
    ...usual,
    async read(name) {
      const stream = await usual.read(name)
      if (breaksNow(name)) stream.destroy(away(usual))
      return stream
    },
  }
}

function isContent(name: string): boolean {
  return name.startsWith('files/')
}

function endSoon(ending: AbortController, why?: unknown): true {
  setTimeout(() => ending.abort(why), 20)
  return true
}

function away({ address: shown }: BackupStore): BackupStoreError {
  return new BackupStoreError(new StoreError('unavailable', 'The place is away.'), shown)
}

function isOf(error: unknown, place: string): boolean {
  return error instanceof BackupStoreError && error.address === place
}

import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'

import { onTestFinished } from 'vitest'

import { InvalidBackup } from '../../src/backup/backup-manifest.ts'
import { type CreatedBackup, createBackup } from '../../src/backup/create-backup.ts'
import { type VerificationKey, listBackups, openBackup, type SigningKey } from '../../src/backup/open-backup.ts'
import type { RetryAndWaitOptions } from '../../src/backup/retrying-store.ts'
import { verifyBackup } from '../../src/backup/verify-backup.ts'
import { openBackupFolder, cleanBackupFolder } from '../../src/storage/backup-store/backup-folder.ts'
import type { BackupStore } from '../../src/storage/backup-store/backup-store.ts'
import { databaseSettings } from '../support/cli/database-settings.ts'
import { storedBelow, makeWorkFolder, runCommand, type Settings, startCommand } from '../support/cli/run-command.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { deleteDocument } from '../support/documents/call-trash.ts'
import { addVersion } from '../support/documents/call-versions.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { freshMigratedDatabase } from '../support/database/fresh-database.ts'
import { type FreshBucket, freshBucket } from '../support/s3/fresh-bucket.ts'
import { makePdf } from '../support/files/make-files.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { makePassableFolder } from '../support/run/passable-folder.ts'

type Closing = Pick<AsyncDisposableStack, 'defer'>

/** Removed when the test ends. */
const withTest: Closing = { defer: (close) => onTestFinished(async () => close()) }

type Documents = { documents?: number; bucket?: FreshBucket }

/** A service with documents of one firm in its store: one with two versions, one in the trash. */
export async function documentsFor(closing: Closing, { documents: count = 3, bucket }: Documents = {}) {
  const fresh = await freshMigratedDatabase()
  closing.defer(() => fresh.drop())
  const settings = { ...databaseSettings(fresh.url), ...(bucket && s3Settings(bucket)) }
  const service = await startService(settings)
  closing.defer(() => service.stop())
  const { firm, admin } = await firmWithAdmin(service)
  const documents: string[] = []
  for (let number = 0; number < count; number += 1) {
    const bytes = Buffer.from(makePdf({ seed: `${number}`, bytes: 3000 + number }))
    const { id } = await uploadDocument(service.url, firm, admin, { bytes, fileName: `Prüfung ${number}.pdf` })
    documents.push(id)
  }
  const [first = '', second = ''] = documents
  await addVersion(service.url, { firm, id: first }, admin, { bytes: makePdf({ seed: 'newer', bytes: 5000 }) })
  await deleteDocument(service.url, { firm, id: second }, admin)
  return { service, firm, admin, documents: documents, settings }
}

/** The same for one test, with commands in their own folder on the same database and store. */
export async function locationWithDocuments(wish: Documents = {}) {
  const made = await documentsFor(withTest, wish)
  const folder = await makeWorkFolder()
  const settings: Settings = { ...made.settings, ...storedBelow(made.service.folder) }
  return {
    ...made,
    folder,
    settings,
    backups: join(folder, 'backups'),
    run: async (words: string[], more: Settings = {}) =>
      runCommand(folder, words, { settings: { ...settings, ...more } }),
    start: (words: string[], more: Settings = {}) => startCommand(folder, words, { ...settings, ...more }),
  }
}

/** Settings of an empty target: a new embedded database and a new folder. */
export async function scratchPlace(): Promise<{ folder: string; settings: Settings }> {
  const folder = await makeWorkFolder()
  return { folder, settings: { USE_S3_STORAGE: 'false', ...storedBelow(folder) } }
}

export async function emptyFolder(closing = withTest): Promise<string> {
  const folder = await makePassableFolder('paniq-backup-')
  closing.defer(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export async function bucketForTest(): Promise<FreshBucket> {
  const bucket = await freshBucket()
  onTestFinished(() => bucket.remove())
  return bucket
}

type Options = Partial<RetryAndWaitOptions> & {
  isRowsOnly?: boolean
  key?: SigningKey
  concurrency?: number
  /** The place with the behaviour of this test. */
  place?: (usual: BackupStore) => BackupStore
  onFile?: () => void
}

/** A backup of a service's documents in a folder, created in this process. */
export async function makeBackup({ app }: TestService, root: string, wish: Options = {}): Promise<CreatedBackup> {
  await cleanBackupFolder(root)
  const { place = (usual) => usual, isRowsOnly = false, key, concurrency = 2, onFile = ignore, ...patience } = wish
  return createBackup({ ...app, owner: app.ownerConnection, version: '0' }, place(openBackupFolder(root)), {
    isRowsOnly,
    key,
    concurrency,
    signal: new AbortController().signal,
    patienceMs: 0,
    pauseMs: 10,
    onWaiting: ignore,
    ...patience,
    onTable: ignore,
    onTotal: ignore,
    onFile,
  })
}

const ignore = () => undefined

/** The findings of a verification of the newest backup, or the reason why it does not begin. */
export async function problemsOf(root: string, key?: VerificationKey, repairs = false): Promise<string[]> {
  const place = openBackupFolder(root)
  const [name = ''] = (await listBackups(place)).toReversed()
  const problems: string[] = []
  try {
    const opened = await openBackup(place, name, key)
    if (opened === undefined) return ['it is not finished']
    await verifyBackup(place, opened, {
      concurrency: 2,
      signal: new AbortController().signal,
      repairs,
      onProblem: ({ file, why }) => void problems.push(`${file.replace(`backups/${name}/`, '')}: ${why}`),
      onFile: ignore,
    })
  } catch (error) {
    if (!(error instanceof InvalidBackup)) throw error
    return [error.message]
  }
  return problems
}

/** The last JSON object of a command. */
export function lastOf(stdout: string): Record<string, unknown> {
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as Record<string, unknown>
}

export function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

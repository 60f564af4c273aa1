import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { onTestFinished } from 'vitest'

import { databaseForTest } from '../cli/database-settings.ts'
import { keptBelow, makeWorkFolder, runCommand, type Settings, startCommand } from '../cli/run-command.ts'
import { uploadDocument } from '../support/call-documents.ts'
import { deleteDocument } from '../support/call-trash.ts'
import { addVersion } from '../support/call-versions.ts'
import { firmWithAdmin } from '../support/firm-with-admin.ts'
import { type FreshBucket, freshBucket } from '../support/fresh-bucket.ts'
import { makePdf } from '../support/make-files.ts'
import { s3Settings } from '../support/s3-settings.ts'
import { startService } from '../support/start-service.ts'

export type Place = Awaited<ReturnType<typeof placeWithPapers>>

/** A service with papers of one firm in its store, of which one has two versions and one is in the trash. */
export async function placeWithPapers(wish: { papers?: number; bucket?: FreshBucket } = {}) {
  const database = await databaseForTest()
  const store = wish.bucket === undefined ? {} : s3Settings(wish.bucket)
  const service = await startService({ ...database, ...store })
  onTestFinished(() => service.stop())
  const { firm, admin } = await firmWithAdmin(service)
  const hashes = new Map<string, string>()
  const papers: string[] = []
  for (let number = 0; number < (wish.papers ?? 3); number += 1) {
    const bytes = Buffer.from(makePdf({ seed: `${number}`, bytes: 3000 + number }))
    const { id } = await uploadDocument(service.url, firm, admin, { bytes, fileName: `Prüfung ${number}.pdf` })
    hashes.set(id, sha256Of(bytes))
    papers.push(id)
  }
  const [first = '', second = ''] = papers
  await addVersion(service.url, { firm, id: first }, admin, { bytes: makePdf({ seed: 'newer', bytes: 5000 }) })
  await deleteDocument(service.url, { firm, id: second }, admin)

  const folder = await makeWorkFolder()
  const settings: Settings = { ...database, ...store, ...keptBelow(service.folder) }
  return {
    service,
    firm,
    admin,
    papers,
    hashes,
    folder,
    settings,
    backups: join(folder, 'backups'),
    run: async (words: string[], more: Settings = {}) =>
      runCommand(folder, words, { settings: { ...settings, ...more } }),
    start: (words: string[], more: Settings = {}) => startCommand(folder, words, { ...settings, ...more }),
  }
}

/** Settings of an empty place: an embedded database and a folder, both new. */
export async function scratchPlace(): Promise<{ folder: string; settings: Settings }> {
  const folder = await makeWorkFolder()
  return { folder, settings: { USE_S3_STORAGE: 'false', ...keptBelow(folder) } }
}

export async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'paniq-backup-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export async function bucketForTest(): Promise<FreshBucket> {
  const bucket = await freshBucket()
  onTestFinished(() => bucket.remove())
  return bucket
}

/** The last object that a command answered with. */
export function lastOf(stdout: string): Record<string, unknown> {
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as Record<string, unknown>
}

export function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

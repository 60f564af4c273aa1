import { join } from 'node:path'

import { sql } from 'kysely'
import type { Client } from 'pg'

import type { DocumentShape } from '../../../src/contract/documents.ts'
import { comparePlatform, restartComparison } from '../../../src/database/schema/compare-platform.ts'
import type { DocumentId, FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { callDocuments } from '../documents/call-documents.ts'
import { type FreshBucket, freshBucket } from '../s3/fresh-bucket.ts'
import type { Person } from '../people/people.ts'
import { signer } from './insert-firm-with-admin.ts'
import { freshPlatformDatabase, type PlatformDatabase } from './platform-database.ts'
import type { PlatformFiles } from './platform-documents.ts'
import { s3Settings } from '../s3/s3-settings.ts'
import { startService, type TestService } from '../service/start-service.ts'

export type Ground = {
  bucket: FreshBucket
  database: PlatformDatabase
  /** The platform's own connection. */
  platform: Client
  remove(): Promise<void>
}

/** The platform's database and bucket, before the installation of the service. */
export async function openGround(): Promise<Ground> {
  const [bucket, database] = await Promise.all([freshBucket(), freshPlatformDatabase()])
  return {
    bucket,
    database,
    platform: database.platform,
    async remove() {
      await database.remove()
      await bucket.remove()
    },
  }
}

export type Beside = Ground & { service: TestService; files: PlatformFiles }

/** The service next to the platform, on its tables and its bucket. */
export async function startBeside(ground: Ground, settings: Record<string, string> = {}): Promise<Beside> {
  const service = await startService({
    ...s3Settings(ground.bucket),
    ...ground.database.settings,
    JWT_SECRET_KEY: signer.secret,
    ...settings,
  })
  return { ...ground, service, files: { bucket: ground.bucket, uploadsDir: join(service.folder, 'uploads') } }
}

export async function listedBy(service: TestService, firm: FirmId, person: Person): Promise<DocumentShape[]> {
  const answer = await callDocuments(service.url, firm, person)
  if (answer.status !== 200) throw new Error(`not listed: ${answer.status} ${await answer.text()}`)
  return (await answer.json()) as DocumentShape[]
}

/** The status of a download, and its bytes from any store. */
export async function download(service: TestService, firm: FirmId, person: Person, id: DocumentId | string) {
  const answer = await callDocuments(service.url, firm, person, `/${id}/download`)
  const location = answer.headers.get('location')
  const file = location === null ? answer : await fetch(location)
  return { status: answer.status, fileStatus: file.status, bytes: Buffer.from(await file.arrayBuffer()) }
}

/** Our rows of one document: the document and its versions, oldest first. */
export async function rowsOf({ app }: TestService, id: DocumentId | string) {
  const { rows: documents } = await sql<Record<string, unknown>>`
    select * from documents where id = ${id}::uuid`.execute(app.db)
  const { rows: versions } = await sql<Record<string, unknown>>`
    select * from document_versions where document_id = ${id}::uuid order by version`.execute(app.db)
  const { rows: events } = await sql<{ action: string }>`
    select action from document_events where document_id = ${id}::uuid order by occurred_at, id`.execute(app.db)
  return { documents, versions, actions: events.map(({ action }) => action) }
}

/** Compares every row of the platform, from the first one. */
export async function compareAllRows({ app: { db } }: TestService): Promise<void> {
  await restartComparison(db)
  await comparePlatform(db, () => false)
}

/** The number of noted changes of the platform. */
export async function countUnfollowed({ app }: TestService): Promise<number> {
  return (await app.db.selectFrom('document_unfollowed').selectAll().execute()).length
}

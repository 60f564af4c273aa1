import { rm } from 'node:fs/promises'
import { join } from 'node:path'

import { sql } from 'kysely'
import { expect } from 'vitest'

import { finishUploads } from '../../../src/documents/resumable/finish-uploads.ts'
import { collectBlobs } from '../../../src/documents/stores/collect-blobs.ts'
import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { freshMigratedDatabase } from '../../support/database/fresh-database.ts'
import { makeMember, type Person } from '../../support/people/people.ts'
import { clamdInHand } from '../../support/run/controlled-clamd.ts'
import { makePassableFolder } from '../../support/run/passable-folder.ts'
import { freshBucket } from '../../support/s3/fresh-bucket.ts'
import { listBucket, listFolder } from '../../support/s3/list-everything.ts'
import { s3Settings } from '../../support/s3/s3-settings.ts'
import { type FaultProxy, startFaultProxy } from '../../support/service/fault-proxy.ts'
import { firmWithAdmin } from '../../support/service/firm-with-admin.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import { startService, type TestService } from '../../support/service/start-service.ts'
import { callUploads, type UploadWish } from '../call-uploads.ts'
import { startProcess } from './killed-service.ts'

export type Store = 'onS3' | 'onDisk'
export const stores: Store[] = ['onS3', 'onDisk']

/** A service for each store with a scanner, and another scanner that never answers while it hangs. */
export function sceneOfEnds() {
  return sceneOfFile(async (closing) => {
    const bucket = await freshBucket()
    closing.defer(() => bucket.remove())
    const database = await freshMigratedDatabase()
    closing.defer(() => database.drop())
    const clamd = await clamdInHand()
    closing.defer(() => clamd.remove())
    const silentClamd = await startFaultProxy({ port: clamd.port })
    closing.defer(() => silentClamd.close())
    const folder = await makePassableFolder('paniq-ends-')
    closing.defer(() => rm(folder, { recursive: true, force: true }))
    const settings = { DATABASE_URL: database.url, MAX_UPLOAD_BYTES: '60000000', UPLOADS_DIR: join(folder, 'uploads') }
    const of = { onS3: { ...settings, ...s3Settings(bucket) }, onDisk: settings }
    const start = async (store: Store) => {
      const service = await startService({ ...of[store], CLAMD_URL: clamd.url })
      closing.defer(() => service.stop())
      return service
    }
    return { bucket, folder, silentClamd, settings: of, onS3: await start('onS3'), onDisk: await start('onDisk') }
  })
}

export type EndsScene = ReturnType<typeof sceneOfEnds>

export const silentUrl = ({ port }: FaultProxy) => `tcp://127.0.0.1:${port}`

/** What the upload asks for, from what the firm has by then. */
type Preparing = (service: TestService, firm: FirmId, person: Person) => Promise<UploadWish>

/**
 * Sends a whole file to a process of its own, which is killed after the last byte and before the commit. Returns what its
 * client knows, at a second instance.
 */
export async function uploadAndKill(scene: EndsScene, store: Store, bytes: Buffer, wish: UploadWish | Preparing = {}) {
  const service = scene[store]
  const { firm } = await firmWithAdmin(service)
  const person = await makeMember(service.app, firm, 'firm_user')
  scene.silentClamd.setFault({ kind: 'none' })
  const killed = await startProcess(scene.folder, {
    ...scene.settings[store],
    CLAMD_URL: silentUrl(scene.silentClamd),
    JWT_SECRET_KEY: service.app.config.jwtSecret ?? '',
    DATA_DIR: join(scene.folder, 'data'),
  })
  scene.silentClamd.setFault({ kind: 'hang' })
  const there = callUploads({ url: killed.url, firm, person })
  const half = Math.floor(bytes.length / 2)
  const address = await there.beginAt(
    bytes.length,
    typeof wish === 'function' ? await wish(service, firm, person) : wish,
  )
  await there.send(address, 0, bytes.subarray(0, half))
  const answer = there.send(address, half, bytes.subarray(half)).catch(() => undefined)
  await expect.poll(() => receivedBytes(service, firm)).toBe(bytes.length)
  await killed.kill()
  expect(await answer).toBeUndefined()
  // The database notices the death of a process with its connection.
  await expect.poll(() => isClaimed(service, firm)).toBe(false)
  const uploads = callUploads({ url: service.url, firm, person })
  return { service, firm, person, uploads, half, address: new URL(new URL(address).pathname, service.url).href }
}

export async function receivedBytes({ app }: TestService, firm: FirmId): Promise<number> {
  const { rows } = await sql<{ bytes: string }>`
    select received_bytes as bytes from document_uploads where firm_id = ${firm}`.execute(app.db)
  return Number(rows[0]?.bytes)
}

async function isClaimed({ app }: TestService, firm: FirmId): Promise<boolean> {
  const { rows } = await sql`
    select from document_blobs where firm_id = ${firm} and state = 'incoming' and not document_process_is_dead(claimed_by)`.execute(
    app.db,
  )
  return rows.length > 0
}

/** One run of the task that finishes uploads. */
export const finish = ({ app }: TestService) =>
  finishUploads({ ...app, secondFactor: 'off' }, 'a test', new AbortController().signal)

/** What remains of a firm after a run of the collector: the killed process may have removed nothing. */
export async function leftOf(scene: EndsScene, { app }: TestService, firm: FirmId) {
  await collectBlobs(app, new AbortController().signal)
  const { rows } = await sql<{ state: string }>`
    select state from document_blobs where firm_id = ${firm} and state <> 'leaving'`.execute(app.db)
  const objects = (await listBucket(scene.bucket.client, scene.bucket.name)).map(({ kind, key }) => `${kind} ${key}`)
  const files = (await listFolder(scene.folder)).filter(({ kind }) => kind === 'file').map(({ path }) => path)
  return { states: rows.map(({ state }) => state), bytes: [...objects, ...files].filter((name) => name.includes(firm)) }
}

export type UploadEvent = {
  action: string
  outcome: string
  document_id: string | null
  actor_id: string
  ip: string
  details: object
}

export async function eventsOf({ app }: TestService, firm: FirmId): Promise<UploadEvent[]> {
  const { rows } = await sql<UploadEvent>`
    select action, outcome, document_id, actor_id, p.fields ->> 'ip' as ip, details from document_events e
    left join document_event_persons p on p.occurred_at = e.occurred_at and p.event_id = e.id
    where firm_id = ${firm} and action in ('document.uploaded', 'document.version_added')
    order by e.occurred_at, e.id`.execute(app.db)
  return rows
}

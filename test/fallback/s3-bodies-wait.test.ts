import { setTimeout as wait } from 'node:timers/promises'

import { sql } from 'kysely'
import { expect, test } from 'vitest'

import { systemActor } from '../../src/database/audit/events.ts'
import { migrate } from '../../src/documents/moving/migrate-files.ts'
import { defaultClamdLimits } from '../../src/scanner/clamd.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { clamdInHand } from '../support/run/controlled-clamd.ts'
import { startFaultProxy } from '../support/service/fault-proxy.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { makePdf } from '../support/files/make-files.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { sweep } from '../support/scanning/sweep.ts'
import { impatient, logged } from '../support/fallback/failing-s3.ts'

// Larger than the buffers between S3 and the service.
const fileBytes = 2_000_000
const files = 3
const idleMs = 700
const patience = { ...impatient.timeouts, idleMs }

const scene = sceneOfFile(async (closing) => {
  const bucket = await freshBucket()
  closing.defer(() => bucket.remove())
  const clamd = await clamdInHand()
  closing.defer(() => clamd.remove())
  const proxy = await startFaultProxy({ port: clamd.port })
  closing.defer(() => proxy.close())
  return { bucket, proxy }
})

async function uploadAll(service: TestService) {
  const { firm, admin } = await firmWithAdmin(service)
  for (let seed = 0; seed < files; seed += 1)
    await uploadDocument(service.url, firm, admin, { bytes: makePdf({ bytes: fileBytes, seed: `${firm} ${seed}` }) })
  return firm
}

test('a move that waits for memory longer than S3’s idle timeout succeeds and is no outage', async () => {
  await using closing = new AsyncDisposableStack()
  const service = await startService(s3Settings(scene.bucket), { ...impatient, timeouts: patience })
  closing.defer(() => service.stop())
  const firmId = await uploadAll(service)
  const { budget } = service.app
  const giveBack = await budget.reserve(budget.totalBytes)

  const moving = migrate(service.app, systemActor('a test'), {
    to: 'local',
    firmId,
    concurrency: files,
    bytesPerSecond: undefined,
    deletesSource: false,
    patienceMs: 0,
    signal: AbortSignal.timeout(60_000),
    onResult: () => undefined,
    onWaiting: () => undefined,
  })
  await expect.poll(() => budget.waiting()).toBe(files)
  await wait(3 * idleMs)
  giveBack()

  expect(await moving).toMatchObject({ isComplete: true, outcomes: { moved: files, failed: 0 } })
  expect(logged(service, 's3_out')).toEqual([])
})

test('a scan that waits longer than S3’s idle timeout succeeds and is no outage', async () => {
  await using closing = new AsyncDisposableStack()
  const settings = { ...s3Settings(scene.bucket), CLAMD_URL: `tcp://127.0.0.1:${scene.proxy.port}` }
  const service = await startService(settings, {
    ...impatient,
    timeouts: patience,
    clamd: { ...defaultClamdLimits, connections: 1 },
  })
  closing.defer(() => service.stop())
  await uploadAll(service)
  await sql`update document_versions set scan_status = 'pending', scan_due_at = now()`.execute(service.app.db)
  // One file after the other, each slower than the idle timeout of a connection.
  scene.proxy.setFault({ kind: 'slow', bytesPerSecond: fileBytes })

  expect(await sweep(service)).toEqual({ clean: files })
  expect(logged(service, 'scan_unread')).toEqual([])
  expect(logged(service, 's3_out')).toEqual([])
})

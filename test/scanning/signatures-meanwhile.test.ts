import { sql } from 'kysely'
import { expect, it } from 'vitest'

import { waitUntilWaiting } from '../support/database/wait-for-lock.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { clamdInHand } from '../support/run/controlled-clamd.ts'
import { startFaultProxy } from '../support/service/fault-proxy.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService } from '../support/service/start-service.ts'
import { numberSignatures } from '../support/scanning/number-signatures.ts'
import { sweep } from '../support/scanning/sweep.ts'

const scene = sceneOfFile(async (closing) => {
  const clamd = await clamdInHand()
  closing.defer(() => clamd.remove())
  const numbered = await numberSignatures(clamd)
  closing.defer(() => numbered.close())
  const proxy = await startFaultProxy({ port: Number(new URL(numbered.url).port) })
  closing.defer(() => proxy.close())
  const service = await startService({ CLAMD_URL: `tcp://127.0.0.1:${proxy.port}` })
  closing.defer(() => service.stop())
  await sweep(service)
  return { numbered, proxy, service }
})

it('a file scanned before and stored after new signatures is scanned again', async () => {
  const { numbered, service } = scene
  const { firm, admin } = await firmWithAdmin(service)
  // Its scan is over and it is stored; it has no row yet.
  const locking = await service.app.db.startTransaction().execute()
  await sql`lock table documents in share mode`.execute(locking)
  const uploading = uploadDocument(service.url, firm, admin)
  await waitUntilWaiting(service.app.db)
  numbered.number(2)
  expect(await sweep(service)).toEqual({})
  await locking.commit().execute()

  expect(await uploading).toMatchObject({ scan_status: 'clean' })
  expect(await sweep(service)).toEqual({ due_again: 1, clean: 1 })
  expect(await sweep(service)).toEqual({})
})

it('a pending file that was being scanned when they arrived is scanned again', async () => {
  const { numbered, proxy, service } = scene
  const { firm, admin } = await firmWithAdmin(service)
  const { id } = await uploadDocument(service.url, firm, admin)
  await sql`update document_versions set scan_status = 'pending', scan_due_at = now() where document_id = ${id}`.execute(
    service.app.db,
  )
  proxy.setFault({ kind: 'slow', latencyMs: 1500 })
  const before = proxy.connections()
  const scanning = sweep(service)
  // One connection to identify the scanner, and one for the file.
  await expect.poll(() => proxy.connections(), { interval: 5 }).toBe(before + 2)
  proxy.setFault({ kind: 'none' })
  numbered.number(3)
  // Another instance scans all others again now.
  expect(await sweep(service)).toMatchObject({ due_again: 1 })

  expect(await scanning).toEqual({ clean: 1 })
  expect(await sweep(service)).toEqual({ due_again: 1, clean: 1 })
  expect(await sweep(service)).toEqual({})
})

it('rows locked by another instance are skipped when the others are made due', async () => {
  const { numbered, service } = scene
  const { firm, admin } = await firmWithAdmin(service)
  const { id } = await uploadDocument(service.url, firm, admin)
  await uploadDocument(service.url, firm, admin)
  const locking = await service.app.db.startTransaction().execute()
  await sql`select from document_versions where document_id = ${id} for update`.execute(locking)
  numbered.number(4)
  const scanned = await sweep(service)
  await locking.commit().execute()

  const rest = await sweep(service)
  expect([scanned, rest]).toEqual([
    { due_again: 3, clean: 3 },
    { due_again: 1, clean: 1 },
  ])
})

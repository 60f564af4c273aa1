import { sql } from 'kysely'
import { expect, it } from 'vitest'

import { waitUntilWaiting } from '../api/people/wait-for-lock.ts'
import { uploadDocument } from '../support/call-documents.ts'
import { clamdInHand } from '../support/clamd-in-hand.ts'
import { firmWithAdmin } from '../support/firm-with-admin.ts'
import { sceneOfFile } from '../support/scene-of-file.ts'
import { startService } from '../support/start-service.ts'
import { numberSignatures } from './number-signatures.ts'
import { sweep } from './sweep.ts'

const scene = sceneOfFile(async (closing) => {
  const clamd = await clamdInHand()
  closing.defer(() => clamd.remove())
  const numbered = await numberSignatures(clamd)
  closing.defer(() => numbered.close())
  const service = await startService({ CLAMD_URL: numbered.url })
  closing.defer(() => service.stop())
  await sweep(service)
  return { numbered, service }
})

it('a file that was scanned before new signatures came, and is written down as clean after that, is scanned again', async () => {
  const { numbered, service } = scene
  const { firm, admin } = await firmWithAdmin(service)
  // Its scan is over, and its transaction waits.
  const holding = await service.app.db.startTransaction().execute()
  await sql`lock table documents in share mode`.execute(holding)
  const uploading = uploadDocument(service.url, firm, admin)
  await waitUntilWaiting(service.app.db)
  numbered.number(2)
  expect(await sweep(service)).toEqual({})
  await holding.commit().execute()

  expect(await uploading).toMatchObject({ scan_status: 'clean' })
  expect(await sweep(service)).toEqual({ due_again: 1, clean: 1 })
  expect(await sweep(service)).toEqual({})
})

it('so is one that waited for its scan, and whose verdict took as long', async () => {
  const { numbered, service } = scene
  const { firm, admin } = await firmWithAdmin(service)
  const { id } = await uploadDocument(service.url, firm, admin)
  await sql`update document_versions set scan_status = 'pending', scan_due_at = now() where document_id = ${id}`.execute(
    service.app.db,
  )
  const holding = await service.app.db.startTransaction().execute()
  await sql`select from documents where id = ${id} for update`.execute(holding)
  const scanning = sweep(service)
  await waitUntilWaiting(service.app.db)
  numbered.number(3)
  // All others are scanned again now.
  expect(await sweep(service)).toMatchObject({ due_again: 1 })
  await holding.commit().execute()

  expect(await scanning).toEqual({ clean: 1 })
  expect(await sweep(service)).toEqual({ due_again: 1, clean: 1 })
  expect(await sweep(service)).toEqual({})
})

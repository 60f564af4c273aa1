import { expect, it } from 'vitest'

import type { DocumentId } from '../../src/vocabulary/vocabulary.ts'
import { waitUntilWaiting } from '../support/database/wait-for-lock.ts'
import { callDocuments, problemOf, uploadDocument } from '../support/documents/call-documents.ts'
import { makeMember } from '../support/people/people.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService } from '../support/service/start-service.ts'

const scene = sceneOfFile(async (closing) => {
  const service = await startService()
  closing.defer(() => service.stop())
  return service
})

it.each([
  ['removed from the firm', 'not_a_member', undefined],
  ['suspended', 'not_a_member', { status: 'suspended' }],
  ['made a field_staff', 'forbidden', { role: 'field_staff' }],
] as const)('a firm_supervisor who is %s while the document is locked deletes nothing', async (_how, code, change) => {
  const { db } = scene.app
  const { firm, admin } = await firmWithAdmin(scene)
  const supervisor = await makeMember(scene.app, firm, 'firm_supervisor')
  const { id } = await uploadDocument(scene.url, firm, admin)

  const deleting = await db.transaction().execute(async (trx) => {
    await trx
      .selectFrom('documents')
      .select('id')
      .where('id', '=', id as DocumentId)
      .forUpdate()
      .execute()
    const answer = callDocuments(scene.url, firm, supervisor, `/${id}`, { method: 'DELETE' })
    await waitUntilWaiting(db)

    if (change === undefined) await db.deleteFrom('firm_users').where('user_id', '=', supervisor.id).execute()
    else await db.updateTable('firm_users').set(change).where('user_id', '=', supervisor.id).execute()
    return { answer }
  })

  const answer = await deleting.answer
  expect([answer.status, (await problemOf(answer)).code]).toEqual([403, code])
  expect(await (await callDocuments(scene.url, firm, admin, `/${id}`)).json()).toMatchObject({ deleted_at: null })
})

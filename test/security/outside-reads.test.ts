import { expect, it } from 'vitest'

import { callDocuments } from '../support/documents/call-documents.ts'
import { countStatements } from '../support/database/count-statements.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { makePerson } from '../support/people/people.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService } from '../support/service/start-service.ts'

const scene = sceneOfFile(async (closing) => {
  const service = await startService({ EVENTS_PER_PERSON: 'off', EVENTS_PER_ADDRESS: 'off' })
  closing.defer(() => service.stop())
  return { service }
})

it('an administrator’s reads of a firm from outside leave an event each, a member’s none', async () => {
  const { url, app } = scene.service
  const { firm, admin } = await firmWithAdmin(scene.service)
  const administrator = await makePerson(app, { role: 'admin' })
  for (const person of [admin, administrator]) {
    for (const path of ['', '/checklist', '/members'])
      expect((await fetch(`${url}/api/v1/security-firms/${firm}${path}`, person)).status).toBe(200)
    expect((await callDocuments(url, firm, person)).status).toBe(200)
  }

  const events = await app.db
    .selectFrom('document_trail')
    .select(['action', 'actor_id', 'outcome'])
    .where('firm_id', '=', firm)
    .where('action', 'in', ['documents.listed', 'firm.viewed', 'firm.checklist_viewed', 'members.listed'])
    .orderBy('action')
    .execute()
  expect(events).toEqual(
    ['documents.listed', 'firm.checklist_viewed', 'firm.viewed', 'members.listed'].map((action) => ({
      action,
      actor_id: administrator.id,
      outcome: 'ok',
    })),
  )
})

it('the event of a list costs no further statement', async () => {
  const { url, app } = scene.service
  const { firm, admin } = await firmWithAdmin(scene.service)
  const administrator = await makePerson(app, { role: 'admin' })
  const list = (person: typeof admin) => countStatements(app, () => callDocuments(url, firm, person))
  await list(admin)

  expect(await list(administrator)).toBe(await list(admin))
})

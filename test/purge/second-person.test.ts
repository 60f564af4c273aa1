import { sql } from 'kysely'
import { expect, it } from 'vitest'

import type { DisposalShape } from '../../src/contract/documents.ts'
import { systemActor } from '../../src/database/audit/events.ts'
import { inTransaction } from '../../src/database/connection/in-transaction.ts'
import { lockRows } from '../../src/database/documents/documents.ts'
import { lockFirmHolds, setDocumentHold } from '../../src/database/purge/legal-holds.ts'
import { liftHoldOf } from '../../src/documents/purge/lift-hold-by-command.ts'
import type { DocumentId } from '../../src/vocabulary/vocabulary.ts'
import { waitUntilWaiting } from '../support/database/wait-for-lock.ts'
import { callDocuments, problemOf, uploadDocument } from '../support/documents/call-documents.ts'
import { makePerson, type Person } from '../support/people/people.ts'
import { deletedDaysAgo, purgeAll } from '../support/purge/purge-scene.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService } from '../support/service/start-service.ts'

const scene = sceneOfFile(async (closing) => {
  const service = await startService()
  closing.defer(() => service.stop())
  const administrator = await makePerson(service.app, { role: 'admin' })
  return { service, administrator, colleague: await makePerson(service.app, { role: 'admin' }) }
})

type Of = { firm: string; id: string }

const patch = (path: string, body: object, person = scene.administrator) =>
  fetch(`${scene.service.url}/api/v1/security-firms/${path}`, {
    method: 'PATCH',
    body: JSON.stringify(body),
    headers: { ...person.headers, 'content-type': 'application/json' },
  })
const decide = ({ firm, id }: Of, body: object, person?: Person) =>
  patch(`${firm}/documents/${id}/disposal`, body, person)
const look = async ({ firm, id }: Of) =>
  (await (await callDocuments(scene.service.url, firm, scene.administrator, `/${id}/disposal`)).json()) as DisposalShape

it('a legal hold is lifted by another person than the one who set it, who may be an operator with the command', async () => {
  const { service, administrator, colleague } = scene
  const own = await firmWithAdmin(service)
  const { id } = await uploadDocument(service.url, own.firm, own.admin)
  const of = { firm: own.firm, id }
  await decide(of, { hold: true, reason: 'case 20' })
  await patch(own.firm, { hold: true })
  // A colleague's better reason does not make the hold theirs.
  await decide(of, { hold: true, reason: 'case 20, High Court' }, colleague)
  expect(await look(of)).toMatchObject({ hold_by: administrator.id, hold_reason: 'case 20, High Court' })

  const answers = [await decide(of, { hold: false, reason: 'closed' }), await patch(own.firm, { hold: false })]
  for (const answer of answers) {
    expect(answer.status).toBe(409)
    const { code, detail } = await problemOf(answer)
    expect([code, detail]).toEqual(['second_person_required', expect.stringContaining('paniq-docs hold lift --')])
  }
  expect(await look(of)).toMatchObject({ held: true, hold: true })
  const { rows } = await sql`select action from document_events where firm_id = ${own.firm}::uuid
    and outcome = 'second_person_required' order by action`.execute(service.app.db)
  expect(rows).toEqual([{ action: 'document.disposal_changed' }, { action: 'firm.changed' }])

  expect((await decide(of, { hold: false, reason: 'closed' }, colleague)).status).toBe(200)
  const by = 'the command hold lift, run by a test'
  const operator = systemActor('a test')
  const lift = { of: { firmId: own.firm }, reason: 'closed', by }
  expect(await liftHoldOf(service.app, operator, lift)).toMatchObject({ heldBy: administrator.id, documentId: null })
  expect(await look(of)).toMatchObject({ held: false, hold: false, hold_by: null })
  await expect(liftHoldOf(service.app, operator, lift)).rejects.toThrow('There is no legal hold')
  // Lifting what is not held is no error in the API, and needs nobody else.
  expect((await decide(of, { hold: false, reason: 'closed' })).status).toBe(200)
})

it('the purge of a verified document is approved by another person than the one who deleted it', async () => {
  const { service } = scene
  const own = await firmWithAdmin(service)
  const of = {
    firm: own.firm,
    id: (await deletedDaysAgo(service, own, 31, { type: 'registration_certificate', isVerified: true })).id,
  }
  const other = { firm: own.firm, id: (await deletedDaysAgo(service, own, 1, { type: 'registration_certificate' })).id }
  const isAdministrator = sql`update registered_users set role = 'admin' where id = ${own.admin.id}`
  await isAdministrator.execute(service.app.db)
  const approval = { purge_approved: true, reason: 'the firm is closed' }
  const denied = await decide(of, approval, own.admin)
  expect([denied.status, (await problemOf(denied)).code]).toEqual([409, 'second_person_required'])
  expect(await purgeAll(service)).toMatchObject({ needs_approval: 1 })

  expect((await decide(of, approval)).status).toBe(200)
  expect(await purgeAll(service)).toMatchObject({ purged: 1 })
  // A document that was never verified needs nobody else.
  expect((await decide(other, approval, own.admin)).status).toBe(200)
})

it('a hold that is lifted while its reason changes is lifted with its new reason', async () => {
  const { service, administrator } = scene
  const { db } = service.app
  const own = await firmWithAdmin(service)
  const { id } = await uploadDocument(service.url, own.firm, own.admin)
  const of = { firm: own.firm, id }
  await decide(of, { hold: true, reason: 'case 20' })
  const lift = { of: { documentId: id }, reason: 'closed', by: 'a test' }

  const { lifting } = await inTransaction(db, async (trx) => {
    const target = { firmId: own.firm, documentId: id as DocumentId }
    await lockRows(trx, target)
    const started = liftHoldOf(service.app, systemActor('a test'), lift)
    await Promise.race([started, waitUntilWaiting(db)])
    expect(await setDocumentHold(trx, target, { reason: 'case 21', by: administrator.id })).toBe(true)
    return { lifting: started }
  })

  expect(await lifting).toMatchObject({ reason: 'case 21' })
  expect(await look(of)).toMatchObject({ held: false, hold: false })
})

it('an administrator who loses the role behind a purge of the firm does not lift its hold', async () => {
  const { service } = scene
  const { db } = service.app
  const own = await firmWithAdmin(service)
  const { id } = await uploadDocument(service.url, own.firm, own.admin)
  await patch(own.firm, { hold: true })
  const former = await makePerson(service.app, { role: 'admin' })

  const { lifting } = await inTransaction(db, async (trx) => {
    await lockFirmHolds(trx, own.firm, 'shared')
    const started = patch(own.firm, { hold: false }, former)
    await waitUntilWaiting(db)
    await sql`update registered_users set is_locked = true where id = ${former.id}`.execute(db)
    return { lifting: started }
  })

  expect((await lifting).status).toBe(403)
  expect(await look({ firm: own.firm, id })).toMatchObject({ held: true })
})

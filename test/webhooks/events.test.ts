import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { expect, it } from 'vitest'

import { webhookEvents } from '../../src/contract/webhooks.ts'
import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { addVersion, restoreVersion } from '../support/documents/call-versions.ts'
import { reviewDocument } from '../support/documents/review-document.ts'
import { makePdf } from '../support/files/make-files.ts'
import { makeFirm } from '../support/people/people.ts'
import { findOnDisk } from '../support/scanning/finding-scanner.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { webhookScene } from './webhook-scene.ts'

const scene = webhookScene({})

const url = 'https://hooks.example/'
const everything = { url, events: webhookEvents }

/** What is to be sent to a webhook, oldest first. */
async function queuedFor({ id }: { id: string }): Promise<{ event: string; data: Record<string, unknown> }[]> {
  const { rows } = await sql<{ event: string; data: Record<string, unknown> }>`
    select event, data from document_webhook_deliveries where webhook_id = ${id} order by created_at`.execute(
    scene.service.app.db,
  )
  return rows
}

it('uploads, new versions and decisions are events, with ids and facts', async () => {
  const { firm, admin } = await firmWithAdmin(scene.service)
  const webhook = await scene.register(everything)
  const { administrator, service } = scene
  const type = 'psira_certificate'
  const document = await uploadDocument(service.url, firm, admin, { type, fileName: 'Name of a person.pdf' })
  const of = { firm, id: document.id }
  await reviewDocument(service.url, of, administrator, {
    decision: 'reject',
    reason_code: 'unreadable',
    comment: 'Too dark.',
  })
  await addVersion(service.url, of, admin, { bytes: makePdf({ seed: '2' }) })
  await restoreVersion(service.url, of, admin, 1)
  await reviewDocument(service.url, of, administrator, { decision: 'verify', valid_until: '2099-01-01' })

  const queued = await queuedFor(webhook)
  const common = { firm_id: firm, document_id: document.id, document_type: type }
  const uploaded = {
    ...common,
    actor_id: admin.id,
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    file_size: expect.any(Number),
  }
  expect(queued).toEqual([
    { event: 'document.uploaded', data: { ...uploaded, version: 1 } },
    {
      event: 'document.rejected',
      data: { ...common, actor_id: administrator.id, version: 1, reason_code: 'unreadable' },
    },
    { event: 'document.uploaded', data: { ...uploaded, version: 2 } },
    { event: 'document.uploaded', data: { ...uploaded, version: 3 } },
    {
      event: 'document.verified',
      data: { ...common, actor_id: administrator.id, version: 3, valid_until: '2099-01-01' },
    },
  ])
  expect(JSON.stringify(queued)).not.toMatch(/Name of a person|Too dark/)
})

it('a document that a scan finds infected is an event; a rejected upload is none', async () => {
  const { firm, admin } = await firmWithAdmin(scene.service)
  const { id, document_type: type } = await uploadDocument(scene.service.url, firm, admin)
  const webhook = await scene.register({ ...everything, firm_id: firm })
  await findOnDisk(scene.service)
  expect(await queuedFor(webhook)).toEqual([
    { event: 'document.quarantined', data: { firm_id: firm, document_id: id, document_type: type, version: 1 } },
  ])

  const { app } = scene.service
  const denied = { outcome: 'infected', ip: 'system', user_agent: 'test', request_id: 'test', firm_id: firm }
  await app.db
    .insertInto('document_trail')
    .values({ action: 'document.uploaded', ...denied })
    .execute()
  expect(await queuedFor(webhook)).toHaveLength(1)
})

it('what the platform inserts, replaces and verifies by itself are events', async () => {
  const { firm, admin } = await firmWithAdmin(scene.service)
  const webhook = await scene.register(everything)
  const { db } = scene.service.app
  const id = randomUUID()
  const path = () => `security_firms/${firm}/tax_clearance_${randomUUID()}.pdf`
  await sql`
    insert into firm_documents (id, firm_id, document_type, file_name, file_path, file_size, mime_type, is_verified, uploaded_by)
    values (${id}, ${firm}, 'tax_clearance', 'a.pdf', ${path()}, 10, 'application/pdf', false, ${admin.id})`.execute(db)
  await sql`update firm_documents set file_path = ${path()}, file_size = 12 where id = ${id}`.execute(db)
  await sql`update firm_documents set is_verified = true, verified_at = now(), verified_by = ${scene.administrator.id}
    where id = ${id}`.execute(db)
  await sql`update firm_documents set file_name = 'b.pdf' where id = ${id}`.execute(db)

  const common = { firm_id: firm, document_id: id, document_type: 'tax_clearance' }
  expect(await queuedFor(webhook)).toEqual([
    { event: 'document.uploaded', data: { ...common, version: 1 } },
    { event: 'document.uploaded', data: { ...common, version: 2 } },
    { event: 'document.verified', data: { ...common, version: 2, actor_id: scene.administrator.id } },
  ])
})

it('a webhook gets its events only, those of its firm only, and none while it is disabled', async () => {
  const firm = await makeFirm(scene.service.app)
  const other = await makeFirm(scene.service.app)
  const ofFirm = await scene.register({ url, events: ['document.expired', 'application.approved'], firm_id: firm })
  const ofAll = await scene.register({ url, events: ['application.approved'] })
  const disabled = await scene.register(everything)
  await scene.ask(`PATCH /webhooks/${disabled.id}`, { enabled: false })
  const happen = async (of: FirmId) => {
    for (const action of ['document.expired', 'application.approved', 'application.rejected', 'document.viewed'])
      await scene.happen(of, action)
  }
  await happen(firm)
  await happen(other)

  expect(await eventsOf(ofFirm)).toEqual([
    ['document.expired', firm],
    ['application.approved', firm],
  ])
  expect(await eventsOf(ofAll)).toEqual([
    ['application.approved', firm],
    ['application.approved', other],
  ])
  expect(await eventsOf(disabled)).toEqual([])
})

async function eventsOf(webhook: { id: string }): Promise<unknown[]> {
  return (await queuedFor(webhook)).map(({ event, data }) => [event, data['firm_id']])
}
